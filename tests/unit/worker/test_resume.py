"""Sessions that outlive their connections, at a worker: what is sent again, what waits, what ends."""

import json

import pytest

from mooring_worker import connections, presence, sender
from tests.unit.worker.edge import Delivered, Edge
from tests.unit.worker.harness import Start, Worker

LONG = 60.0
MIRROR = {"command": "cat"}


@pytest.fixture
async def worker(start: Start) -> Worker:
    """A worker with session s1, which may be resumed and has the server `echo`."""
    worker: Worker = await start()
    assert (await worker.order(resume_seconds=LONG)).status == 201
    return worker


async def called(worker: Worker, edge: Edge, *ids: int, connection: str = "c1") -> None:
    for id_ in ids:
        assert (await worker.call("echo", id_, text="")).status == 202
        await edge.answer_to(id_, connection)


def ids(edge: Edge, connection: str) -> list[int]:
    return [message["id"] for message in edge.messages(connection)]


async def test_a_client_that_comes_back_gets_what_it_lacks_exactly(edge: Edge, worker: Worker) -> None:
    await called(worker, edge, 1, 2, 3)
    await worker.detach("c1")
    await worker.call("echo", 4, text="")

    assert (await worker.attach("c2", received=1)).status == 200

    await called(worker, edge, 5, connection="c2")
    assert ids(edge, "c2") == [2, 3, 4, 5]
    assert ids(edge, "c1") == [1, 2, 3]


async def test_nothing_is_sent_while_nobody_is_there(edge: Edge, worker: Worker) -> None:
    await worker.detach("c1")
    session = await worker.session()
    assert session and session["state"] == "detached"
    posted = len(edge.requests)

    await worker.call("echo", 1, text="")
    await edge.until(lambda: _in_flight(worker) == 0, "the answer")

    assert len(edge.requests) == posted
    await worker.attach("c2")
    await edge.answer_to(1, "c2")
    session = await worker.session()
    assert session and session["state"] == "running"


@pytest.mark.parametrize("answer", [Delivered(500), Delivered(None), 502])
async def test_when_a_delivery_is_in_doubt_the_client_is_made_to_say(
    edge: Edge, worker: Worker, monkeypatch: pytest.MonkeyPatch, answer: Delivered | int
) -> None:
    monkeypatch.setattr(connections, "_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(presence, "_FINISHED_SECONDS", 0.0)
    await called(worker, edge, 1)
    edge.answers["c1"].append(answer)

    await worker.call("echo", 2, text="")
    await edge.until(lambda: edge.closed == ["c1"], "the close")
    await worker.detach("c1", code=1000)  # as API Gateway says of what the worker closes
    assert _state(worker) == "detached"

    received = len(edge.frames["c1"])
    await worker.attach("c2", received)
    await called(worker, edge, 3, connection="c2")
    assert ids(edge, "c1") + ids(edge, "c2") == [1, 2, 3]


@pytest.mark.parametrize("answer", [Delivered(500), Delivered(None)])
async def test_a_plain_session_sends_again_what_is_in_doubt(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch, answer: Delivered
) -> None:
    """At least once: without a count nobody can tell."""
    monkeypatch.setattr(connections, "_TIMEOUT_SECONDS", 0.3)
    worker = await start()
    await worker.order()
    edge.answers["c1"].append(answer)

    await called(worker, edge, 1, 2)

    assert ids(edge, "c1") == [1, 1, 2]
    assert edge.closed == []


async def test_what_is_refused_for_now_is_sent_again_in_its_place(edge: Edge, worker: Worker) -> None:
    edge.answers["c1"].extend([429, 410, 429])

    await called(worker, edge, 1, 2)

    assert ids(edge, "c1") == [1, 2]
    assert edge.closed == []


async def test_a_client_that_takes_nothing_for_long_is_made_to_come_back(
    edge: Edge, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_PATIENCE_SECONDS", 0.05)
    edge.answers["c1"].extend([429] * 20)
    await worker.call("echo", 1, text="")

    await edge.until(lambda: edge.closed == ["c1"], "the close")

    await worker.attach("c2")
    await edge.answer_to(1, "c2")


async def test_a_connection_that_is_gone_is_not_tried_for_long(
    edge: Edge, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 410 of a handshake can only come before the first frame."""
    monkeypatch.setattr(sender, "_HANDSHAKE_SECONDS", LONG)
    await called(worker, edge, 1)
    edge.gone.add("c1")

    await worker.call("echo", 2, text="")

    await edge.until(lambda: _state(worker) == "detached", "the end of the attempts")


async def test_of_two_connections_the_later_one_has_the_session(edge: Edge, worker: Worker) -> None:
    await called(worker, edge, 1)

    await worker.attach("c2", received=1)

    await edge.until(lambda: edge.closed == ["c1"], "the close of the earlier one")
    await worker.detach("c1", code=1000)
    await called(worker, edge, 2, connection="c2")
    assert ids(edge, "c2") == [2]


async def test_a_frame_that_is_stuck_on_the_old_connection_does_not_hold_up_the_new_one(
    edge: Edge, worker: Worker
) -> None:
    edge.held.add("c1")
    await worker.call("echo", 1, text="")
    await edge.until(lambda: bool(edge.requests), "the frame")

    await worker.attach("c2")

    await edge.answer_to(1, "c2")
    edge.held.clear()
    await called(worker, edge, 2, connection="c2")
    assert ids(edge, "c2") == [1, 2]


@pytest.mark.parametrize("received", [0, 1, 99])
async def test_a_client_that_lacks_what_is_not_kept_is_told_to_start_anew(
    edge: Edge, start: Start, received: int
) -> None:
    worker = await start(ring_bytes=1000)
    await worker.order(resume_seconds=LONG)
    for number in range(1, 6):
        await worker.call("echo", number, text="x" * 500)
    await edge.answer_to(5)

    answer = await worker.attach("c2", received)

    assert answer.status == 410
    refusal = json.loads(answer.body)
    assert refusal["code"] == -32010
    assert "start anew" in refusal["message"]
    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert edge.closed == ["c1"]


async def test_a_request_that_is_sent_again_in_flight_is_one_call(edge: Edge, worker: Worker) -> None:
    await worker.call("sleep", 1, seconds=0.3)
    await worker.detach("c1")
    await worker.attach("c2")

    await worker.call("sleep", 1, seconds=0.3)
    await called(worker, edge, 2, connection="c2")

    assert ids(edge, "c2") == [1, 2]


async def test_a_request_is_not_carried_out_twice_for_a_client_that_lost_its_answer(
    edge: Edge, worker: Worker
) -> None:
    """Lost after it was counted: by a program that ended before it could use it."""
    await worker.call("state", 1)
    told = await edge.answer_to(1)
    await worker.detach("c1")
    await worker.attach("c2", received=1)

    await worker.call("state", 1)

    assert await edge.answer_to(1, "c2") == told
    await worker.call("state", 2)
    assert (await edge.answer_to(2, "c2"))["result"]["content"][0]["text"] == "2"


async def test_a_notification_that_is_sent_again_is_passed_once(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(launch=MIRROR, resume_seconds=LONG)
    changed = {"method": "notifications/roots/list_changed"}
    await worker.post(changed, x_connection_id="c1", x_message_id="1")
    await worker.detach("c1")
    await worker.attach("c2")

    await worker.post(changed, x_connection_id="c2", x_message_id="2")
    await worker.post({"method": "last"}, x_connection_id="c2", x_message_id="3")

    await edge.until(lambda: any(m["method"] == "last" for m in edge.messages("c2")), "the last one")
    assert [m["method"] for m in edge.messages("c2")] == [changed["method"], "last"]


async def test_what_cannot_be_passed_is_refused_by_a_frame_that_counts(edge: Edge, worker: Worker) -> None:
    await called(worker, edge, 1)
    assert (await worker.post(b"{")).status == 202
    await worker.call("crash", 2, code=3)
    await edge.answer_to(2)

    assert (await worker.call("echo", 3, text="")).status == 202

    assert (await edge.answer_to(None))["error"]["code"] == -32700
    assert (await edge.answer_to(3))["error"]["code"] == -32011
    await worker.detach("c1")
    await worker.attach("c2", received=1)
    await edge.until(lambda: len(edge.messages("c2")) == 3, "the others")
    assert ids(edge, "c2") == [None, 2, 3]


async def test_an_error_is_not_given_twice_to_a_request_that_is_sent_again(
    edge: Edge, worker: Worker
) -> None:
    await called(worker, edge, 1)
    await worker.detach("c1")
    await worker.call("crash", 2, code=3)
    await edge.until(lambda: _state(worker) == "exited", "the exit")
    await worker.attach("c2", received=1)

    await worker.call("crash", 2, code=3)
    await worker.call("echo", 3, text="")

    await edge.answer_to(3, "c2")
    assert ids(edge, "c2") == [2, 3]


async def test_an_error_of_ours_is_an_answer_like_any_other(edge: Edge, worker: Worker) -> None:
    await called(worker, edge, 1)
    await worker.call("crash", 2, code=3)
    told = await edge.answer_to(2)
    await worker.detach("c1")
    await worker.attach("c2", received=2)

    await worker.call("crash", 2, code=3)

    assert await edge.answer_to(2, "c2") == told


async def test_a_child_that_floods_nobody_is_paused_and_nothing_is_lost(edge: Edge, start: Start) -> None:
    worker = await start(buffer_bytes=50_000)
    await worker.order(script="floods", resume_seconds=LONG)
    await worker.detach("c1")
    await worker.post({"id": 1, "method": "flood", "params": {"count": 2000, "size": 1000}})
    await edge.until(lambda: _queued(worker) > 50_000, "a full buffer")

    await worker.attach("c2")

    await edge.answer_to(1, "c2")
    numbers = [m["params"]["number"] for m in edge.messages("c2") if "method" in m]
    assert numbers == list(range(2000))


def _session(worker: Worker) -> dict[str, object]:
    assert worker.agent
    (session,) = worker.agent
    return dict(session.describe())


def _state(worker: Worker) -> object:
    return _session(worker)["state"]


def _in_flight(worker: Worker) -> object:
    return _session(worker)["inFlight"]


def _queued(worker: Worker) -> int:
    return int(str(_session(worker)["queuedBytes"]))
