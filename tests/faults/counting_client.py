"""A client that counts what it gets, through whatever happens to its connection."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mooring.client.patience import Patience
from mooring.client.session import Session
from mooring.errors import MooringError

_IN_FLIGHT = 3
_HUNG_SECONDS = 60.0
_PATIENCE = Patience(window_seconds=60.0)


@dataclass
class Count:
    """What went wrong for one client or, added up, for all."""

    calls: int = 0
    sessions: int = 0
    told: Counter[str] = field(default_factory=Counter)
    """Answers that were errors: the child or the worker was killed, and the client was told."""
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)

    def add(self, other: "Count") -> None:
        self.calls += other.calls
        self.sessions += other.sessions
        self.told += other.told
        self.lost += other.lost
        self.doubled += other.doubled
        self.hung += other.hung


class CountingClient:
    """Makes `calls` calls in as many sessions as it takes: one, unless its child or worker is killed."""

    def __init__(self, name: str, url: str, calls: int, chance: random.Random) -> None:
        self.count = Count()
        self._name = name
        self._url = url
        self._calls = calls
        self._chance = chance

    async def run(self) -> Count:
        while self.count.calls < self._calls:
            conversation = _Conversation(self._name, self.count)
            session = Session(self._url, patience=_PATIENCE)
            try:
                await self._converse(session, conversation)
            finally:
                await session.close()
        return self.count

    async def _converse(self, session: Session, conversation: "_Conversation") -> None:
        try:
            await session.open()
        except (MooringError, OSError):
            await asyncio.sleep(self._chance.random() * 0.2)  # refused in the middle of a fault: come again
            return
        self.count.sessions += 1
        reading = asyncio.create_task(conversation.read(session))
        places = asyncio.Semaphore(_IN_FLIGHT)
        try:
            await session.send(b'{"jsonrpc":"2.0","id":"hello","method":"initialize"}')
            await session.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
            async with asyncio.TaskGroup() as calls:
                while self.count.calls < self._calls and not conversation.is_over:
                    await places.acquire()
                    self.count.calls += 1
                    call = conversation.call(session, f"call {self.count.calls}")
                    calls.create_task(call).add_done_callback(lambda _: places.release())
                    await asyncio.sleep(self._chance.random() * 0.05)
        except MooringError:
            pass  # the session is over, and every call of it was answered or will be counted as hung
        finally:
            reading.cancel()
            await asyncio.wait([reading])


class _Conversation:
    """What was said in one session."""

    def __init__(self, name: str, count: Count) -> None:
        self.is_over = False
        self._name = name
        self._count = count
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._answered: set[str] = {"hello"}
        self._said = 0

    async def call(self, session: Session, call: str) -> None:
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        frame = {"jsonrpc": "2.0", "id": call, "method": "tools/call", "params": {}}
        try:
            async with asyncio.timeout(_HUNG_SECONDS):
                await session.send(json.dumps(frame).encode())
                self._judge(call, await answer)
        except TimeoutError:
            self._count.hung.append(f"{self._name} {call} of session {session.id}")
        except MooringError as error:
            self._count.told[f"{error.jsonrpc_code} {error.message}"] += 1

    async def read(self, session: Session) -> None:
        try:
            while True:
                self._take(json.loads(await session.receive()))
        except MooringError:
            self.is_over = True

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "notifications/said":
            number = message["params"]["number"]
            if number <= self._said:
                self._count.doubled.append(f"{self._name} notification {number}")
            elif number > self._said + 1:
                self._count.lost.append(f"{self._name} notifications {self._said + 1} to {number - 1}")
            self._said = max(self._said, number)
        elif "id" in message and "method" not in message:
            self._take_answer(message)

    def _take_answer(self, message: dict[str, Any]) -> None:
        call = message["id"]
        if waiting := self._waiting.pop(call, None):
            self._answered.add(call)
            if not waiting.done():  # else it comes after the client gave it up for hung
                waiting.set_result(message)
        elif call in self._answered and call != "hello":
            self._count.doubled.append(f"{self._name} answer to {call}")

    def _judge(self, call: str, answer: dict[str, Any]) -> None:
        if "error" in answer:
            error = answer["error"]
            self._count.told[f"{error['code']} {error['message']}"] += 1
            self.is_over = True
        elif answer["result"]["given"] != 1:
            self._count.doubled.append(f"{self._name} {call}, given {answer['result']['given']} times")
