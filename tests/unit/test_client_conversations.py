"""The client's half of a resumed session against a model of the server's, over sockets that lose frames."""

import json
from collections import Counter, deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mooring.client.conversation import REPEAT_SECONDS, Conversation
from tests.unit.session_model import SessionModel


class Sessions(RuleBasedStateMachine):
    """Every rule is one thing that a client, a server or the network between them may do next."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.conversation = Conversation()
        self.server = SessionModel(self.post)
        self.said: list[str] = []
        self.heard: list[str] = []
        self.answers: Counter[str] = Counter()
        self.refused: set[str] = set()
        self.is_open = False
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.late: deque[tuple[int, str]] = deque()

    def post(self, connection: int, frame: str) -> None:
        if self.is_open and connection == self.server.connection:
            self.down.append(frame)

    @precondition(lambda self: not self.is_open)
    @rule()
    def connect(self) -> None:
        self.is_open = True
        self.server.attach(self.conversation.received)
        self.conversation.lose()

    @precondition(lambda self: self.is_open)
    @rule(up=st.integers(0, 5), down=st.integers(0, 5), is_late=st.booleans())
    def lose_the_socket(self, up: int, down: int, is_late: bool) -> None:
        """Some of what was under way arrives, some may arrive after the next socket has been opened."""
        self.carry_up(up)
        self.carry_down(down)
        self.is_open = False
        if is_late:
            self.late.extend((self.server.connection, frame) for frame in self.up)
        self.up.clear()
        self.down.clear()

    def say(self, message: dict[str, Any]) -> None:
        frame = json.dumps({"jsonrpc": "2.0", **message})
        self.said.append(frame)
        self.conversation.say(frame.encode())

    @rule(spelling=st.sampled_from([str, int, float]))
    def say_a_request(self, spelling: Any) -> None:
        self.say({"id": spelling(len(self.said)), "method": "tools/call"})

    @rule()
    def say_a_notification(self) -> None:
        self.say({"method": "notifications/progress", "params": {"progress": len(self.said)}})

    @rule()
    def say_an_answer(self) -> None:
        self.say({"id": f"server {len(self.said)}", "result": {}})

    @precondition(lambda self: self.is_open)
    @rule(many=st.integers(1, 5))
    def send(self, many: int) -> None:
        for _ in range(many):
            frame = self.conversation.next(self.now)
            if frame is not None:
                self.up.append(frame.decode())

    @rule(many=st.integers(1, 5))
    def carry_up(self, many: int) -> None:
        for _ in range(min(many, len(self.up))):
            self.server.take(self.server.connection, self.up.popleft())

    @precondition(lambda self: self.late)
    @rule()
    def arrive_late(self) -> None:
        self.server.take(*self.late.popleft())

    @precondition(lambda self: self.up)
    @rule()
    def fail_to_deliver(self) -> None:
        """Only what arrives nowhere else: whether the answer or the error wins is not the client's doing."""
        frame = self.up[0]
        known = frame in self.server.executed or any(frame == other for _, other in self.late)
        if is_request(frame) and not known:
            self.refused.add(self.up.popleft())
            self.server.refuse(self.server.connection, frame)

    @rule(many=st.integers(1, 5))
    def carry_down(self, many: int) -> None:
        for _ in range(min(many, len(self.down))):
            frame = self.down.popleft()
            if self.conversation.hear(frame.encode(), self.now):
                self.heard.append(frame)
            self.conversation.count()
            message = json.loads(frame)
            if "method" not in message:
                self.answers[json.dumps(message["id"])] += 1

    @precondition(lambda self: self.server.in_flight)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.server.answer(data.draw(st.sampled_from(sorted(self.server.in_flight))))

    @rule()
    def the_server_speaks(self) -> None:
        self.server.say({"method": "notifications/message", "params": {"data": len(self.server.sent)}})

    @precondition(lambda self: not self.up)
    @rule(seconds=st.floats(0, 2 * REPEAT_SECONDS))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def frames_are_heard_once_and_in_order(self) -> None:
        assert self.conversation.received == len(self.heard)
        assert self.heard == self.server.sent[: len(self.heard)]

    @invariant()
    def nothing_is_executed_or_answered_twice(self) -> None:
        assert all(times == 1 for times in self.server.executed.values())
        assert all(times == 1 for times in self.answers.values())

    def teardown(self) -> None:
        """On a network that works again, everything comes to its end."""
        if not self.is_open:
            self.connect()
        while self.late:
            self.arrive_late()
        while frame := self.conversation.next(self.now):
            self.up.append(frame.decode())
        self.carry_up(len(self.up))
        for key in sorted(self.server.in_flight):
            self.server.answer(key)
        self.carry_down(len(self.down))

        requests = {json.dumps(json.loads(frame)["id"]) for frame in self.said if is_request(frame)}
        assert self.heard == self.server.sent
        assert set(self.answers) == requests
        assert self.conversation.unanswered == []
        assert set(self.said) == set(self.server.executed) | self.refused
        self.frames_are_heard_once_and_in_order()
        self.nothing_is_executed_or_answered_twice()


def is_request(frame: str) -> bool:
    message = json.loads(frame)
    return "id" in message and "method" in message


Sessions.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSessions = Sessions.TestCase
