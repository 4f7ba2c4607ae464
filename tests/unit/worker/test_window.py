"""How long a session waits for its client, at a worker, and what is left when it does not come back."""

import asyncio

import pytest

from mooring_worker import presence, rows
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start, Worker, tagged

LONG = 60.0


@pytest.fixture
async def worker(start: Start) -> Worker:
    """A worker with session s1, which may be resumed."""
    worker: Worker = await start()
    await worker.order(resume_seconds=LONG)
    return worker


async def called(worker: Worker, edge: Edge, id_: int, connection: str = "c1") -> None:
    await worker.call("echo", id_, text="")
    await edge.answer_to(id_, connection)


async def test_a_client_that_does_not_come_back_in_time_has_no_session_any_more(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    edge.rows |= {"session#s1": {"worker_id": {"S": "w1"}}, "c1": {"worker_id": {"S": "w1"}}}
    await worker.order(resume_seconds=0.2)
    await called(worker, edge, 1)

    await worker.detach("c1")

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert edge.rows.keys().isdisjoint({"session#s1", "c1"})
    assert tagged(worker.home) == []
    assert (await worker.attach("c2", received=1)).status == 404


async def test_the_row_of_a_session_that_was_started_anew_elsewhere_stays(edge: Edge, start: Start) -> None:
    worker = await start()
    edge.rows |= {"session#s1": {"worker_id": {"S": "w2"}}, "c1": {"worker_id": {"S": "w1"}}}
    await worker.order(resume_seconds=0.1)

    await worker.detach("c1")

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert "session#s1" in edge.rows and "c1" not in edge.rows


async def test_a_table_that_does_not_answer_does_not_keep_a_session_from_its_end(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_PAUSES_SECONDS", (0.01, 0.01))
    worker = await start()
    edge.database_status = 500
    await worker.order(resume_seconds=0.1)

    await worker.detach("c1")

    await edge.until(lambda: not len(worker.agent), "the end of the session")


async def test_a_client_that_has_finished_is_not_waited_for_long(
    edge: Edge, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_FINISHED_SECONDS", 0.05)

    await worker.detach("c1", code=1000)

    await edge.until(lambda: not len(worker.agent or ()), "the end of the session")


async def test_one_that_seemed_to_have_finished_may_come_back_at_once(edge: Edge, worker: Worker) -> None:
    await called(worker, edge, 1)
    await worker.detach("c1", code=1000)

    assert (await worker.attach("c2", received=1)).status == 200

    await called(worker, edge, 2, connection="c2")


async def test_waiting_for_a_client_is_not_idling(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(resume_seconds=LONG, limits={"idle_seconds": 0.1})
    await worker.detach("c1")
    await asyncio.sleep(0.3)

    assert (await worker.attach("c2")).status == 200
    assert (await edge.notification("notifications/message", "c2"))["level"] == "warning"  # idle from here on


async def test_a_session_started_anew_under_its_id_waits_for_the_end_of_the_old_one(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    await worker.order(script="ignores_sigterm", resume_seconds=LONG)
    await edge.notification("notifications/message")
    await worker.end()

    assert (await worker.order(connection="c2", resume_seconds=LONG)).status == 201

    await called(worker, edge, 1, connection="c2")


async def test_a_plain_session_ends_with_its_connection_and_no_other(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()

    assert (await worker.detach("c0")).status == 204
    assert len(worker.agent) == 1
    assert (await worker.detach("c1")).status == 204

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert (await worker.detach("c1")).status == 204
