"""How a session ends: its child exits, it is idle, or it is told to; and what the client learns of it."""

import asyncio
import gc
import json
import os
import time
from pathlib import Path

import pytest

from mooring_worker.repeats import Repeats
from mooring_worker.ring import Ring
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start, exists, tagged


async def test_requests_in_flight_learn_of_the_exit_under_their_own_ids(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})
    await worker.call("sleep", 0.5, seconds=0.1)
    await worker.call("crash", "x", code=7)
    await worker.call("echo", 3, text="too late")
    began = time.monotonic()

    answers = [await edge.answer_to(id_) for id_ in ("x", 3)]

    assert time.monotonic() - began < 2
    for answer in answers:
        assert answer["error"]["code"] == -32011
        assert answer["error"]["data"] == {"exitCode": 7, "signal": None}
    assert (await edge.answer_to(0.5))["result"]  # answered before the crash: no second answer
    assert len(edge.frames["c1"]) == 4


async def test_a_later_frame_is_refused_with_the_same_error(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})
    await worker.call("signal", 1, number=9)
    told = (await edge.answer_to(1))["error"]

    answer = await worker.call("echo", 2, text="")

    assert answer.status == 410
    assert json.loads(answer.body) == told
    assert told["data"] == {"exitCode": None, "signal": "SIGKILL"}


async def test_a_server_that_exits_with_nothing_in_flight_tells_the_client(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 1, "method": "ping"})
    await edge.answer_to(1)
    await worker.post(
        {"method": "tools/call", "id": None, "params": {"name": "crash", "arguments": {"code": 0}}}
    )

    told = await edge.notification("notifications/message")

    assert (told["level"], told["logger"]) == ("error", "mooring")


async def test_an_idle_session_says_why_closes_the_connection_and_ends(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.2})

    told = await edge.notification("notifications/message")

    assert (told["level"], told["logger"]) == ("warning", "mooring")
    await edge.until(lambda: edge.closed == ["c1"], "the close")
    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert (await worker.post({"id": 1, "method": "ping"})).status == 404


async def test_a_request_in_flight_is_never_idle(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.1})

    await worker.call("sleep", 1, seconds=0.6)

    assert (await edge.answer_to(1))["result"]
    assert edge.messages()[0]["id"] == 1  # the warning came after


async def test_frames_put_off_the_idle_end(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.4})
    until = time.monotonic() + 1
    number = 0

    while time.monotonic() < until:
        number += 1
        await worker.post({"id": number, "method": "ping"})
        await edge.answer_to(number)
        await asyncio.sleep(0.05)

    assert [m["id"] for m in edge.messages()] == list(range(1, number + 1))


async def test_a_polite_server_ends_when_its_stdin_closes(edge: Edge, start: Start) -> None:
    worker = await start(exit_grace_seconds=10)
    await worker.order(script="silent")

    assert (await worker.end()).status == 204

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []
    assert (await worker.end()).status == 204


async def test_a_server_that_ignores_sigterm_is_killed(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="ignores_sigterm")
    await edge.notification("notifications/message")

    await worker.end()

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []


@pytest.mark.parametrize("how", ["end", "crash"])
async def test_no_grandchild_outlives_the_session(edge: Edge, start: Start, how: str) -> None:
    worker = await start()
    await worker.order(script="leaves_grandchildren")
    pids = await edge.notification("notifications/pids")
    child = (await worker.session())["pid"]
    assert exists(pids["in_group"]) and exists(pids["daemon"])

    if how == "end":
        await worker.end()
    else:
        await asyncio.to_thread(os.kill, child, 9)

    await edge.until(
        lambda: not any(map(exists, (child, pids["in_group"], pids["daemon"]))), "the end of all processes"
    )
    await edge.until(lambda: not list((worker.home / "sessions").iterdir()), "the end of the folder")


async def test_the_group_ends_with_its_leader_even_without_the_session_in_its_environment(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    script = 'env -i sleep 300 & echo "{\\"method\\":\\"pid\\",\\"params\\":$!}"; read line'
    await worker.order(launch={"command": "sh", "args": ["-c", script]})
    sleeper = await edge.notification("pid")
    await edge.until(lambda: Path(f"/proc/{sleeper}/comm").read_text() == "sleep\n", "its start")

    await worker.end()

    await edge.until(lambda: not exists(sleeper), "the end of the group")


async def test_a_request_that_was_held_back_learns_of_the_exit_too(edge: Edge, start: Start) -> None:
    worker = await start(gate_seconds=60)
    await worker.order(script="silent")
    await worker.post({"id": 1, "method": "initialize", "params": {}})
    await worker.post({"id": 2, "method": "tools/list"})  # before `initialized`
    child = (await worker.session())["pid"]

    await asyncio.to_thread(os.kill, child, 9)

    assert [(await edge.answer_to(id_))["error"]["code"] for id_ in (1, 2)] == [-32014, -32014]
    assert (await worker.session())["inFlight"] == 0


async def test_what_was_kept_for_a_client_goes_with_its_session_and_waits_for_no_collector(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    gc.disable()
    try:
        await worker.order(resume_seconds=60)
        await worker.call("echo", 1, text="kept until the client comes back")
        await edge.answer_to(1)
        assert kept_frames() > 0
        await worker.end()
        async with asyncio.timeout(5):
            while await worker.session():
                await asyncio.sleep(0.01)  # there is nothing to wait on but the list
        assert kept_frames() == 0
    finally:
        gc.enable()


def kept_frames() -> int:
    rings = [ring for ring in gc.get_objects() if isinstance(ring, Ring)]
    repeats = [repeats for repeats in gc.get_objects() if isinstance(repeats, Repeats)]
    return sum(len(ring._frames) for ring in rings) + sum(len(each._answered) for each in repeats)
