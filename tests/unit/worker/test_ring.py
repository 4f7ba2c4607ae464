"""The ring as a state machine: what is in doubt reaches a client that resumes, what arrived does not."""

from collections import deque

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mooring_worker.ring import Overrun, Ring


class Sessions(RuleBasedStateMachine):
    """A session that sends as `Sender` does, and a client that counts what it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring(limit_bytes=1 << 20)
        self.queue: deque[bytes] = deque()
        self.said: list[bytes] = []
        self.received: list[bytes] = []
        self.confirmed = 0
        self.is_attached = True
        self.serial = 0

    @rule(count=st.integers(1, 4))
    def the_child_speaks(self, count: int) -> None:
        for _ in range(count):
            self.serial += 1
            frame = b"%d" % self.serial
            self.said.append(frame)
            self.queue.append(frame)

    @precondition(lambda self: self.is_attached and self.queue)
    @rule(arrives=st.booleans(), is_told=st.booleans())
    def a_frame_is_sent(self, arrives: bool, is_told: bool) -> None:
        frame = self.queue.popleft()
        self.ring.add(frame, now=self.serial)
        if arrives:
            self.received.append(frame)
        self.is_attached = arrives and is_told

    @precondition(lambda self: self.is_attached and self.queue)
    @rule()
    def a_frame_is_refused_for_good(self) -> None:
        frame = self.queue.popleft()
        self.ring.add(frame, now=self.serial)
        self.ring.take_back()
        self.said.remove(frame)

    @rule(data=st.data())
    def the_client_resumes_and_may_have_counted_more_by_the_next_time(self, data: st.DataObject) -> None:
        self.resume(data.draw(st.integers(self.confirmed, len(self.received))))
        if data.draw(st.booleans()):
            self.resume(len(self.received))
        else:
            self.is_attached = False

    @rule(beyond=st.integers(1, 3))
    def a_count_that_cannot_be_is_refused_and_changes_nothing(self, beyond: int) -> None:
        for count in (self.serial + beyond, self.confirmed - beyond):
            with pytest.raises(Overrun):
                self.ring.rewind(count)

    @invariant()
    def nothing_is_lost_doubled_or_out_of_order(self) -> None:
        assert self.received == self.said[: len(self.received)]

    def teardown(self) -> None:
        self.resume(len(self.received))
        assert [*self.received, *self.queue] == self.said

    def resume(self, count: int) -> None:
        again, skipped, _ = self.ring.rewind(count)
        for _ in range(skipped):
            self.queue.popleft()
        self.queue.extendleft(reversed(again))
        self.confirmed = count
        self.is_attached = True


TestSessions = Sessions.TestCase


def test_what_is_over_the_limit_is_kept_no_more_and_a_client_that_needs_it_is_told() -> None:
    ring = Ring(limit_bytes=30)
    for number in range(5):
        ring.add(b"%010d" % number, now=0)
    with pytest.raises(Overrun) as refusal:
        ring.rewind(1)
    assert refusal.value.http_status == 410
    assert "start anew" in refusal.value.message
    assert [int(frame) for frame in ring.rewind(2).again] == [2, 3, 4]


def test_the_last_frame_is_kept_however_large_it_is() -> None:
    ring = Ring(limit_bytes=10)
    ring.add(b"small", now=0)
    ring.add(b"x" * 1000, now=0)
    assert ring.rewind(1).again == [b"x" * 1000]


def test_a_client_that_resumes_was_last_heard_when_its_last_frame_was_sent() -> None:
    ring = Ring(limit_bytes=1000)
    for number in range(1, 5):
        ring.add(b"x", now=100.0 * number)
    assert ring.rewind(3).heard_at == 300
    assert ring.rewind(3).heard_at == float("-inf")
