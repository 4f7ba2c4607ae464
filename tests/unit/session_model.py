"""The server's half of a session that can be resumed, without I/O: what it executed, what it sent."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any


class SessionModel:
    """`post` takes a connection's number and a frame for it. Requests wait for `answer`."""

    def __init__(self, post: Callable[[int, str], None]) -> None:
        self.sent: list[str] = []
        """Every numbered frame; the first has the number 1."""
        self.executed: Counter[str] = Counter()
        """How often each request, notification and response reached the child."""
        self.in_flight: dict[str, dict[str, Any]] = {}
        self.connection = 0
        self._post = post
        self._replayed_from = 0
        self._answers: dict[str, int] = {}
        self._accepted: dict[str, int] = {}

    def attach(self, received: int) -> int:
        """Return the number of a new connection, to which everything after `received` is sent."""
        assert received <= len(self.sent), "the client has counted what the session did not send"
        self.connection += 1
        self._replayed_from = received
        for frame in self.sent[received:]:
            self._post(self.connection, frame)
        return self.connection

    def take(self, connection: int, frame: str) -> None:
        """Take a frame that arrived by `connection`, which may be an earlier one."""
        message = json.loads(frame)
        if "method" in message and "id" in message:
            self._take_request(connection, frame, message)
        elif self._accepted.get(frame, connection) == connection:
            self._accepted[frame] = connection
            self.executed[frame] += 1
        else:
            self._accepted[frame] = connection

    def _take_request(self, connection: int, frame: str, message: dict[str, Any]) -> None:
        key = json.dumps(message["id"])
        if key in self._answers:
            # Of an earlier connection: the client sent it before it said that it has the answer.
            if self._answers[key] <= self._replayed_from and connection == self.connection:
                self._send(self.sent[self._answers[key] - 1])
        elif key not in self.in_flight:
            self.in_flight[key] = message
            self.executed[frame] += 1

    def answer(self, key: str, result: Any = None) -> None:
        """Answer a request in flight, if not with `result` then with its own params."""
        message = self.in_flight.pop(key)
        self._answers[key] = len(self.sent) + 1
        self.say({"id": message["id"], "result": result or message.get("params", {})})

    def say(self, message: dict[str, Any]) -> None:
        self._send(json.dumps({"jsonrpc": "2.0", **message}))

    def refuse(self, connection: int, frame: str) -> None:
        """Say, as what stands before the session does, that `frame` did not reach it."""
        message = json.loads(frame)
        if "method" in message and "id" in message:
            error = {"code": -32012, "message": "unavailable", "data": {"undelivered": True}}
            self._post(connection, json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error}))

    def _send(self, frame: str) -> None:
        self.sent.append(frame)
        self._post(self.connection, frame)
