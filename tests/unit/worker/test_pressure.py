"""Peers that do not read."""

import asyncio
import json

from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start


async def test_a_client_that_does_not_read_pauses_the_child_and_loses_nothing(
    edge: Edge, start: Start
) -> None:
    worker = await start(buffer_bytes=100_000)
    edge.held.add("c1")
    await worker.order(script="floods")
    await worker.post({"id": 1, "method": "flood", "params": {"count": 3000, "size": 1000}})
    await edge.until(lambda: bool(edge.requests), "the first frame")

    queued = [0, -1]
    while queued[-1] != queued[-2]:  # until the child is paused
        await asyncio.sleep(0.2)
        queued.append((await worker.session())["queuedBytes"])
    assert queued[-1] < 600_000  # 100 kB and what one read of the pipe brings
    edge.held.clear()

    await edge.answer_to(1)
    numbers = [m["params"]["number"] for m in edge.messages() if "method" in m]
    assert numbers == list(range(3000))


async def test_a_child_that_does_not_read_makes_the_client_wait_with_429(edge: Edge, start: Start) -> None:
    worker = await start(buffer_bytes=200_000)
    await worker.order(script="never_reads")
    frame = {"method": "notifications/x", "params": {"filler": "x" * 50_000}}

    answers = [await worker.post(frame) for _ in range(12)]

    assert answers[0].status == 202
    assert answers[-1].status == 429
    assert json.loads(answers[-1].body)["code"] == -32015
    assert (await edge.notification("notifications/message"))["data"] == "here"


async def test_both_directions_flow_while_both_are_full(edge: Edge, start: Start) -> None:
    """A peer that carries both directions in one loop stops here for good."""
    worker = await start()
    await worker.order()
    text = "x" * 10_000

    for number in range(200):
        while (await worker.call("echo", number, text=text)).status == 429:
            await asyncio.sleep(0.01)

    await edge.answer_to(199)
    assert [m["id"] for m in edge.messages()] == list(range(200))
