"""Frames to a client whose connection refuses them, is not there yet, or is gone."""

import pytest

from mooring_worker import presence, sender
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start, tagged


async def test_frames_are_sent_again_in_order_when_the_edge_refuses_them_for_a_while(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    edge.answers["c1"].extend([429, 500, 503])
    await worker.order()

    for number in range(5):
        await worker.call("echo", number, text="")

    await edge.answer_to(4)
    assert [m["id"] for m in edge.messages()] == [0, 1, 2, 3, 4]


async def test_a_410_during_the_handshake_is_not_the_end(edge: Edge, start: Start) -> None:
    worker = await start()
    edge.answers["c1"].extend([410, 410, 410])
    await worker.order()

    await worker.post({"id": 1, "method": "ping"})

    await edge.answer_to(1)


async def test_a_session_whose_client_is_gone_ends(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_HANDSHAKE_SECONDS", 0)
    monkeypatch.setattr(presence, "DETACHED_GRACE_SECONDS", 0.05)
    worker = await start()
    edge.answers["c1"].append(410)
    await worker.order()

    await worker.post({"id": 1, "method": "ping"})

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []


async def test_a_connection_attached_in_time_gets_what_was_not_delivered(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_HANDSHAKE_SECONDS", 0)
    worker = await start()
    edge.answers["c1"].append(410)
    await worker.order()
    for number in range(3):
        await worker.call("echo", number, text="")
    await edge.until(lambda: bool(edge.requests) and not edge.answers["c1"], "the 410")

    answer = await worker.request("PUT", "/sessions/s1/connection", b'{"connection":"c2"}')

    assert answer.status == 200
    await edge.answer_to(2, "c2")
    assert [m["id"] for m in edge.messages("c2")] == [0, 1, 2]


async def test_a_connection_that_cannot_be_closed_yet_is_closed_when_it_is_open(
    edge: Edge, start: Start
) -> None:
    """Or its client would wait on an open socket for a session that waits for its client."""
    worker = await start()
    edge.opening.add("c1")
    edge.answers["c1"].append(500)
    await worker.order(resume_seconds=60.0)
    await worker.call("echo", 1, text="")
    refused = len(edge.requests) + 2
    await edge.until(lambda: len(edge.requests) >= refused, "attempts to close it")

    edge.opening.clear()

    await edge.until(lambda: edge.closed == ["c1"], "the close")
