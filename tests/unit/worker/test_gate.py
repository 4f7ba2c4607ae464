"""The gate as a state machine: whatever order frames arrive in, they pass as if in order."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.envelope import Envelope, peek
from mooring_worker.gate import Gate

INITIALIZE = {"id": 0, "method": "initialize"}
INITIALIZED = {"method": "notifications/initialized"}
VERSION = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def call(request_id: int | str, **params: Any) -> dict[str, Any]:
    return {"id": request_id, "method": "tools/call", "params": params}


def cancel(request_id: int | str) -> dict[str, Any]:
    return {"method": "notifications/cancelled", "params": {"requestId": request_id}}


class Driver:
    """Feeds a gate and keeps what has passed, as messages."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.passed: list[Any] = []

    def send(self, *messages: Any) -> list[Any]:
        """Return what has passed because of `messages`."""
        before = len(self.passed)
        for message in messages:
            frame = json.dumps(message).encode()
            found = peek(frame)
            envelopes: Sequence[Envelope] = found if isinstance(found, list) else (found,)
            self.passed += [json.loads(passing) for passing, _ in self.gate.take(frame, envelopes)]
        return self.passed[before:]

    def open(self) -> list[Any]:
        opened = [json.loads(frame) for frame, _ in self.gate.open()]
        self.passed += opened
        return opened


@pytest.fixture
def driver() -> Driver:
    return Driver()


@given(st.lists(st.integers(1, 30), unique=True, max_size=8), st.data())
def test_any_arrival_of_a_handshake_with_calls_and_cancels_passes_as_if_in_order(
    ids: list[int], data: st.DataObject
) -> None:
    cancelled = data.draw(st.lists(st.sampled_from(ids), max_size=4)) if ids else []
    frames = [INITIALIZE, INITIALIZED, *map(call, ids), *map(cancel, cancelled)]
    driver = Driver()

    driver.send(*data.draw(st.permutations(frames)))

    assert driver.passed[:2] == [INITIALIZE, INITIALIZED]
    assert sorted(map(str, driver.passed)) == sorted(map(str, frames))
    for request_id in cancelled:
        assert driver.passed.index(call(request_id)) < driver.passed.index(cancel(request_id))
    assert driver.gate.held_bytes == 0


@given(
    st.permutations(
        [
            INITIALIZE,
            INITIALIZED,
            *map(call, range(1, 5)),
            cancel(2),
            cancel(2),
            cancel(9),
            {"method": "notifications/cancelled"},
        ]
    ),
    st.integers(0, 8),
)
def test_whenever_it_is_opened_nothing_is_lost_doubled_or_held(frames: list[Any], opened_after: int) -> None:
    driver = Driver()

    driver.send(*frames[:opened_after])
    driver.open()
    driver.send(*frames[opened_after:])
    driver.open()

    assert sorted(map(str, driver.passed)) == sorted(map(str, frames))
    assert driver.gate.held_bytes == 0


@pytest.mark.parametrize(
    "frames",
    [
        [INITIALIZE, INITIALIZED, call(1), cancel(1), call(2)],
        [INITIALIZE, {"id": 1, "method": "ping"}, {"id": 7, "result": {}}, INITIALIZED, call(2)],
        [{"id": 5, "method": "ping"}, INITIALIZE, INITIALIZED],
        [{"id": 1, "method": "server/discover"}, call(2)],
        [call(1, **VERSION), call(2, **VERSION), cancel(1)],
        [[INITIALIZE, call(1)], INITIALIZED],
    ],
)
def test_a_frame_that_comes_in_its_order_passes_at_once(driver: Driver, frames: list[Any]) -> None:
    for frame in frames:
        assert driver.send(frame) == [frame]


def test_a_cancellation_of_what_was_answered_long_ago_is_not_held(driver: Driver) -> None:
    driver.send(INITIALIZE, INITIALIZED, call(1))
    assert driver.send(cancel(1)) == [cancel(1)]
    assert driver.send(cancel(1)) == [cancel(1)]


def test_an_id_that_is_text_is_not_the_number_that_looks_like_it(driver: Driver) -> None:
    driver.send(INITIALIZE, INITIALIZED, call(1))
    assert driver.send(cancel("1")) == []
    assert driver.send(call("1")) == [call("1"), cancel("1")]


def test_a_client_that_forgets_to_say_initialized_is_served_when_the_gate_opens(driver: Driver) -> None:
    driver.send(INITIALIZE)
    assert driver.send(call(1), call(2)) == []
    assert driver.gate.held_bytes > 0
    assert driver.open() == [call(1), call(2)]
    assert driver.send(call(3)) == [call(3)]


def test_an_early_cancellation_passes_when_its_request_never_comes(driver: Driver) -> None:
    driver.send(INITIALIZE, INITIALIZED)
    assert driver.send(cancel(4)) == []
    assert driver.open() == [cancel(4)]
