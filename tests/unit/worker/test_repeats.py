"""Frames that a client sends again, as a state machine with a network that delays, reorders and loses."""

import json
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mooring_worker.relay import envelopes_of
from mooring_worker.repeats import Repeats
from mooring_worker.ring import Ring

KEPT = 1 << 20


class Conversation(RuleBasedStateMachine):
    """A client that resumes as `mooring.client` does, a child that counts what it reads, their network."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.turn = 1
        self.repeats = Repeats("c1", KEPT)
        self.ring = Ring(KEPT)
        self.queue: deque[bytes] = deque()
        self.said: Counter[bytes] = Counter()
        self.read: Counter[bytes] = Counter()
        self.unread: list[int] = []
        self.unanswered: dict[int, bytes] = {}
        self.recent: list[bytes] = []
        self.in_transit: list[tuple[str, bytes]] = []
        self.received: Counter[bytes] = Counter()
        self.ids = 0

    @rule(data=st.data())
    def the_client_asks(self, data: st.DataObject) -> None:
        self.ids += 1
        frame = _request(self.ids)
        self.unanswered[self.ids] = frame
        self.say(frame)

    @rule(which=st.integers(1, 2))
    def the_client_notifies(self, which: int) -> None:
        """Of few things, so that equal frames are meant twice."""
        frame = json.dumps({"method": "notifications/x", "params": {"n": which}}).encode()
        self.recent.append(frame)
        self.say(frame)

    @precondition(lambda self: self.in_transit)
    @rule(data=st.data())
    def a_frame_arrives(self, data: st.DataObject) -> None:
        self.arrive(self.in_transit.pop(data.draw(st.integers(0, len(self.in_transit) - 1))))

    @precondition(lambda self: self.unread)
    @rule(data=st.data())
    def the_child_answers(self, data: st.DataObject) -> None:
        self.answer(self.unread.pop(data.draw(st.integers(0, len(self.unread) - 1))))

    @precondition(lambda self: self.queue)
    @rule()
    def an_answer_reaches_the_client(self) -> None:
        self.deliver()

    @rule(data=st.data())
    def the_connection_is_lost_and_replaced(self, data: st.DataObject) -> None:
        """With a part of what is on its way, in both directions; the rest of it comes late."""
        if self.queue and self.coin(data):
            self.ring.add(self.queue.popleft(), self.now)  # sent, and lost
        self.in_transit = [sent for sent in self.in_transit if self.coin(data)]
        self.resume()

    def teardown(self) -> None:
        while self.in_transit:
            self.arrive(self.in_transit.pop(0))
        self.resume()
        while self.in_transit:
            self.arrive(self.in_transit.pop(0))
        while self.unread:
            self.answer(self.unread.pop())
        while self.queue:
            self.deliver()
        assert self.read == self.said
        assert self.received == Counter(_answer(id_) for id_ in range(1, self.ids + 1))

    def coin(self, data: st.DataObject) -> bool:
        return data.draw(st.booleans())

    def say(self, frame: bytes) -> None:
        self.said[frame] += 1
        self.in_transit.append((f"c{self.turn}", frame))

    def arrive(self, sent: tuple[str, bytes]) -> None:
        connection, frame = sent
        self.now += 0.001
        again = self.repeats.take(frame, envelopes_of(frame), connection, self.now)
        assert not again, "the client has kept every answer it had"
        if again is None:
            self.read[frame] += 1
            message = json.loads(frame)
            if "id" in message:
                self.unread.append(message["id"])

    def answer(self, id_: int) -> None:
        self.repeats.answered(b"%d" % id_, _answer(id_))
        self.queue.append(_answer(id_))

    def deliver(self) -> None:
        frame = self.queue.popleft()
        self.ring.add(frame, self.now)
        self.received[frame] += 1
        self.unanswered.pop(json.loads(frame)["id"], None)

    def resume(self) -> None:
        self.turn += 1
        again, skipped, heard_at = self.ring.rewind(self.received.total())
        assert not skipped
        self.queue.extendleft(reversed(again))
        self.repeats.resumed(f"c{self.turn}", self.queue, heard_at, self.now)
        for frame in [*self.unanswered.values(), *self.recent]:
            self.in_transit.append((f"c{self.turn}", frame))


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


class Server:
    """Takes frames as a session does, on one connection after the other."""

    def __init__(self, kept_bytes: int = KEPT) -> None:
        self.repeats = Repeats("c1", kept_bytes)
        self.connection = "c1"
        self.now = 0.0

    def take(self, message: Any, connection: str = "") -> list[Any] | None:
        frame = message if isinstance(message, bytes) else json.dumps(message).encode()
        again = self.repeats.take(frame, envelopes_of(frame), connection or self.connection, self.now)
        return again if again is None else list(map(json.loads, again))

    def answer(self, id_: int) -> bytes:
        self.repeats.answered(b"%d" % id_, _answer(id_))
        return _answer(id_)

    def resume(self, connection: str, coming: Sequence[bytes] = (), heard_at: float = float("-inf")) -> None:
        self.connection = connection
        self.repeats.resumed(connection, coming, heard_at, self.now)


@pytest.fixture
def server() -> Server:
    return Server()


REQUEST = {"id": 1, "method": "tools/call", "params": {"n": 1}}
CHANGED = {"method": "notifications/roots/list_changed"}


def test_a_request_in_flight_is_a_repeat_whatever_the_connection(server: Server) -> None:
    assert server.take(REQUEST) is None
    assert server.take(REQUEST) == []
    server.resume("c2")
    assert server.take(REQUEST) == []
    assert server.take({**REQUEST, "id": 2}) is None
    assert server.take({**REQUEST, "method": "tools/list"}) is None


def test_an_answer_that_is_still_to_come_is_not_given_twice(server: Server) -> None:
    server.take(REQUEST)
    server.resume("c2", coming=[server.answer(1)])
    assert server.take(REQUEST) == []


def test_an_answer_that_the_client_had_is_given_again_to_one_that_asks_again(server: Server) -> None:
    server.take(REQUEST)
    answer = server.answer(1)
    server.resume("c2")
    assert server.take(REQUEST) == [json.loads(answer)]
    server.resume("c3", coming=[answer])
    assert server.take(REQUEST) == []


def test_an_id_may_be_used_again_for_another_request(server: Server) -> None:
    """A program that starts again counts from 0: it must not get an old answer to a new question."""
    server.take(REQUEST)
    server.answer(1)
    assert server.take(REQUEST) is None, "on the same connection it is meant, as in a plain session"
    server.answer(1)
    server.resume("c2")
    assert server.take({**REQUEST, "params": {"n": 2}}) is None


def test_a_session_stays_initialized_for_a_program_that_starts_again(server: Server) -> None:
    server.take({"id": 0, "method": "initialize", "params": {"clientInfo": {"version": "1"}}})
    answer = server.answer(0)
    server.take({"method": "notifications/initialized"})
    server.now = 3000
    server.resume("c2", heard_at=2999)
    again = server.take({"id": 0, "method": "initialize", "params": {"clientInfo": {"version": "2"}}})
    assert again == [json.loads(answer)]
    assert server.take({"method": "notifications/initialized", "params": {}}) == []


def test_a_spelling_of_an_id_is_the_id(server: Server) -> None:
    server.take(b'{"id":1.0,"method":"ping"}')
    server.answer(1)
    server.resume("c2")
    assert server.take(b'{"id":1.0,"method":"ping"}') == [json.loads(_answer(1))]


def test_a_batch_is_a_repeat_when_all_of_it_is(server: Server) -> None:
    batch = [REQUEST, {"id": 2, "method": "ping"}]
    server.take(batch)
    server.answer(1)
    server.resume("c2")
    assert server.take(batch) == [], "the client has kept the answer it had, and the other one comes"
    server.answer(2)
    server.resume("c3")
    assert server.take(batch) == [json.loads(_answer(1)), json.loads(_answer(2))]


def test_a_cancelled_request_is_not_carried_out_after_all(server: Server) -> None:
    server.take(REQUEST)
    server.take({"method": "notifications/cancelled", "params": {"requestId": 1}})
    server.resume("c2")
    assert server.take(REQUEST) == []


def test_each_copy_of_another_frame_is_dropped_once_for_each_that_came(server: Server) -> None:
    for _ in range(2):
        assert server.take(CHANGED) is None
    for connection in ("c2", "c3"):
        server.resume(connection)
        assert [server.take(CHANGED), server.take(CHANGED)] == [[], []]
    assert server.take(CHANGED) is None


def test_a_copy_that_was_delayed_on_the_old_connection_is_dropped(server: Server) -> None:
    server.resume("c2")
    assert server.take(CHANGED) is None
    assert server.take(CHANGED, "c1") == []
    assert server.take(REQUEST) is None
    server.answer(1)
    assert server.take(REQUEST, "c1") == []


def test_what_came_long_before_the_client_was_last_heard_swallows_nothing(server: Server) -> None:
    server.take(CHANGED)
    server.now = 3600
    server.resume("c2", heard_at=3599)
    assert server.take(CHANGED) is None


def test_what_comes_long_after_the_client_came_back_is_meant_anew(server: Server) -> None:
    server.take(CHANGED)
    server.resume("c2")
    server.now = 100
    assert server.take(CHANGED) is None


def test_what_is_remembered_is_bounded(server: Server) -> None:
    for number in range(1000):
        server.take({"method": "notifications/x", "params": number})
        server.take({"id": number, "method": "ping"})
        server.answer(number)
    server.resume("c2")
    last, first = range(1000 - 256, 1000), range(1000 - 256)
    assert all(server.take({"method": "notifications/x", "params": number}) == [] for number in last)
    assert all(server.take({"method": "notifications/x", "params": number}) is None for number in first)
    assert all(server.take({"id": number, "method": "ping"}) for number in last)
    assert all(server.take({"id": number, "method": "ping"}) is None for number in first)


def test_answers_are_kept_within_their_bytes_and_requests_in_flight_always() -> None:
    server = Server(kept_bytes=100)
    for number in range(50):
        server.take({"id": number, "method": "ping"})
    for number in range(1, 50):
        server.answer(number)
    server.resume("c2")
    assert server.take({"id": 0, "method": "ping"}) == []
    assert server.take({"id": 1, "method": "ping"}) is None
    assert server.take({"id": 49, "method": "ping"}) == [json.loads(_answer(49))]


def _request(id_: int) -> bytes:
    return json.dumps({"id": id_, "method": "tools/call", "params": {"n": id_ % 2}}).encode()


def _answer(id_: int) -> bytes:
    return json.dumps({"id": id_, "result": {}}).encode()
