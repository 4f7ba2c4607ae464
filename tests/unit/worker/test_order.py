"""Frames that two Lambdas hand over in the wrong order reach the child in the right one."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Worker

Start = Callable[..., Awaitable[Worker]]

MIRROR = {"command": "cat"}
INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize"}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def mirrored(worker: Worker, edge: Edge, *frames: dict[str, Any]) -> list[Any]:
    """Post `frames` and return them as the child got them; it writes back what it reads."""
    before = len(edge.messages())
    for frame in frames:
        assert (await worker.post(frame)).status == 202
    await edge.until(lambda: len(edge.messages()) == before + len(frames), "all frames")
    return edge.messages()[before:]


async def test_a_request_that_overtook_the_handshake_waits_for_it(edge: Edge, start: Start) -> None:
    worker = await start(gate_seconds=60)
    await worker.order(launch=MIRROR)
    assert await mirrored(worker, edge, LIST, INITIALIZED, INITIALIZE) == [INITIALIZE, INITIALIZED, LIST]


async def test_a_cancellation_that_overtook_its_request_follows_it(edge: Edge, start: Start) -> None:
    worker = await start(gate_seconds=60)
    await worker.order(launch=MIRROR)
    await mirrored(worker, edge, INITIALIZE, INITIALIZED)
    call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call"}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    assert await mirrored(worker, edge, cancel, call) == [call, cancel]


async def test_a_client_that_never_finishes_the_handshake_is_served_after_a_while(
    edge: Edge, start: Start
) -> None:
    worker = await start(gate_seconds=0.05)
    await worker.order(launch=MIRROR)
    assert await mirrored(worker, edge, INITIALIZE, LIST) == [INITIALIZE, LIST]


async def test_what_the_gate_holds_is_bounded_like_what_the_child_does_not_read(
    edge: Edge, start: Start
) -> None:
    worker = await start(gate_seconds=60, buffer_bytes=1000)
    await worker.order(launch=MIRROR)
    assert (await worker.post({"id": 1, "method": "tools/call", "params": "x" * 900})).status == 202
    refusal = await worker.post({"id": 2, "method": "tools/call", "params": "x" * 900})
    assert refusal.status == 429
