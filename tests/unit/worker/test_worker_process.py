"""The worker as the process it is: its signals, its death, its heartbeat, its uids."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mooring import ledger
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import exists, running, runs, tagged, zombies_of

Spawn = Callable[..., Any]


async def exit_code(edge: Edge, process: subprocess.Popen[bytes]) -> int | None:
    await edge.until(lambda: process.poll() is not None, "the end of the worker")
    return process.returncode


async def test_a_worker_announces_itself_and_takes_its_row_away(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(capacity=7, heartbeat_seconds=0.05)
    row = edge.rows["w1"]
    assert row["engine"] == {"S": "process"}
    assert (row["used"], row["capacity"], row["draining"]) == ({"N": "0"}, {"N": "7"}, {"BOOL": False})
    assert float(row["lease"]["N"]) > time.time()

    await worker.order()
    await edge.until(lambda: edge.rows["w1"]["used"] == {"N": "1"}, "the beat after the start")
    worker.process.send_signal(signal.SIGINT)

    assert await exit_code(edge, worker.process) == 0
    assert edge.rows == {}


async def test_being_full_is_told_at_once(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(capacity=1, heartbeat_seconds=60)

    await worker.order("a")
    await edge.until(lambda: edge.rows["w1"]["used"] == {"N": "1"}, "the beat when full")
    assert (await worker.order("b")).status == 429
    assert (await worker.request("GET", "/_/ready")).status == 429
    await worker.end("a")

    await edge.until(lambda: edge.rows["w1"]["used"] == {"N": "0"}, "the beat when not full any more")


async def test_uses_are_reported_and_kept_while_the_table_refuses_them(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(heartbeat_seconds=0.05)
    await worker.order()
    edge.database_status = 500
    await worker.call("echo", 1, text="")
    await worker.post({"id": 2, "method": "ping"})
    seen = len(edge.requests)
    await edge.until(lambda: len([r for r in edge.requests[seen:] if r.target == "/"]) > 2, "beats")
    edge.database_status = 200
    await edge.until(lambda: edge.uses["acme/test"] == 1, "the report")

    await worker.call("echo", 3, text="")
    await edge.answer_to(3)
    worker.process.send_signal(signal.SIGINT)

    await exit_code(edge, worker.process)
    assert edge.uses == {"acme/test": 2}


async def test_sigterm_lets_calls_in_flight_end_and_tells_each_client_once(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(heartbeat_seconds=60)
    await worker.order()
    await worker.order("idle", connection="c2")
    await worker.call("sleep", 1, seconds=0.5)
    worker.process.send_signal(signal.SIGTERM)
    await edge.until(lambda: edge.rows["w1"]["draining"] == {"BOOL": True}, "the draining row")

    assert (await worker.order("b")).status == 429
    assert (await edge.answer_to(1))["result"]
    assert await exit_code(edge, worker.process) == 0

    told = edge.messages()
    assert [message.get("method", message.get("id")) for message in told] == ["notifications/message", 1]
    params = told[0]["params"]
    assert (params["level"], params["logger"]) == ("warning", "mooring")
    assert [message["method"] for message in edge.messages("c2")] == ["notifications/message"]
    assert sorted(edge.closed) == ["c1", "c2"]


async def test_a_session_without_a_call_does_not_wait_for_those_of_others(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn()
    await worker.order("idle", connection="c2")
    await worker.order(script="silent")
    await worker.post({"id": 1, "method": "ping"})

    worker.process.send_signal(signal.SIGTERM)

    await edge.until(lambda: edge.closed == ["c2"], "the end of the idle session")
    await worker.post({"method": "notifications/cancelled", "params": {"requestId": 1}})
    assert await exit_code(edge, worker.process) == 0
    assert edge.closed == ["c2", "c1"]


async def test_a_session_that_outlasts_the_drain_is_told(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(drain_seconds=0.1)
    await worker.order(script="silent")
    await worker.post({"id": 1, "method": "ping"})

    worker.process.send_signal(signal.SIGTERM)

    assert (await edge.answer_to(1))["error"]["code"] == -32012
    assert (await edge.notification("notifications/message"))["level"] == "warning"
    assert await exit_code(edge, worker.process) == 0
    assert edge.closed == ["c1"]
    assert len(edge.messages()) == 2
    assert tagged(worker.home) == []


async def test_a_killed_worker_leaves_word_of_what_was_in_flight(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(heartbeat_seconds=0.05)
    edge.in_flight["c1"] = []
    await worker.order()
    await worker.post({"id": "answered", "method": "ping"})
    await edge.answer_to("answered")
    await worker.call("sleep", 1.5, seconds=60)
    await edge.until(lambda: edge.in_flight["c1"] == [["1.5"]], "the row of a request that lasts")

    worker.process.kill()

    await exit_code(edge, worker.process)
    assert ledger.read(worker.home / "ledgers" / "w1") == {"s1": ["1.5"]}


async def test_a_row_forgets_a_request_that_was_answered_or_never_was_there(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(heartbeat_seconds=0.05)
    await worker.order()
    edge.in_flight["c2"] = []
    await worker.order("b", connection="c2")
    await worker.call("sleep", 1, seconds=60)  # c1 has no row: it must not get one
    await worker.post(
        {"id": 2, "method": "tools/call", "params": {"name": "sleep", "arguments": {"seconds": 0.5}}}, "b"
    )

    await edge.until(lambda: edge.in_flight["c2"] == [["2"], []], "the row with the request, then without")

    assert list(edge.in_flight) == ["c2"]
    worker.process.send_signal(signal.SIGINT)
    assert await exit_code(edge, worker.process) == 0
    assert list((worker.home / "ledgers").iterdir()) == []


async def test_the_end_of_stdin_ends_a_worker_that_asked_for_it(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(stop_on_stdin_eof=True)
    await worker.order()

    worker.process.stdin.close()

    assert await exit_code(edge, worker.process) == 0
    assert tagged(worker.home) == []


async def test_children_die_with_a_worker_that_is_killed(edge: Edge, spawn: Spawn) -> None:
    """By the parent-death signal, which only the child itself has: the sweep below finds the others."""
    worker = await spawn()
    await worker.order(script="ignores_sigterm")
    await edge.notification("notifications/message")  # it will not write again, so no broken pipe ends it
    child = (await worker.session())["pid"]

    worker.process.kill()

    await edge.until(lambda: not runs(child), "the end of the child")


async def test_a_new_worker_ends_what_a_killed_one_left(edge: Edge, tmp_path: Path) -> None:
    async with running(edge, tmp_path) as killed:
        await killed.order(script="leaves_grandchildren")
        pids = await edge.notification("notifications/pids")
        assert killed.process
        killed.process.kill()
        killed.process.wait()
    assert runs(pids["daemon"])
    edge.rows.clear()

    async with running(edge, tmp_path):
        assert not runs(pids["daemon"])
        assert not runs(pids["in_group"])
        assert list((tmp_path / "sessions").iterdir()) == []


async def test_no_zombie_stays_of_what_daemonised_itself(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn()
    await worker.order(script="leaves_grandchildren")
    pids = await edge.notification("notifications/pids")

    os.kill(pids["daemon"], signal.SIGKILL)

    await edge.until(lambda: not exists(pids["daemon"]), "its being reaped")
    await worker.end()
    await edge.until(lambda: tagged(worker.home) == [] and zombies_of(worker.process.pid) == [], "the end")


async def test_a_second_worker_does_not_take_the_home_of_a_living_one(
    edge: Edge, spawn: Spawn, tmp_path: Path
) -> None:
    worker = await spawn()
    await worker.order()

    with pytest.raises(AssertionError, match="another worker uses"):
        async with running(edge, tmp_path, worker_id="w2"):
            pass

    assert len(tagged(worker.home)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change uids")
async def test_each_child_runs_under_a_uid_of_its_own(edge: Edge, spawn: Spawn, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o711)  # pytest's own are closed to others
    worker = await spawn(child_uids="20000-20001")
    program = (
        "import json,os; uids = [*os.getresuid(), *os.getresgid(), *os.getgroups()]; "
        "params = [uids, os.access('.', os.W_OK), os.listdir('.')]; "
        "print(json.dumps({'method': 'who', 'params': params}), flush=True); "
        "input()"
    )
    launch = {"command": "/usr/bin/python3", "args": ["-c", program]}
    if not Path(launch["command"]).exists():  # type: ignore[arg-type]
        pytest.skip("no python that every uid may execute")

    for name in ("a", "b", "c"):
        answer = await worker.order(name, launch=launch, connection=name)
        assert answer.status == (429 if name == "c" else 201)

    assert await edge.notification("who", "a") == [[20000] * 6, True, []]
    assert await edge.notification("who", "b") == [[20001] * 6, True, []]
    folder = worker.home / "sessions" / "a"
    assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (20000, 0o700)
    await worker.end("a")
    await edge.until(lambda: not folder.exists(), "the end of the session")
    assert (await worker.order("c", launch=launch, connection="c")).status == 201
    assert (await edge.notification("who", "c"))[0] == [20000] * 6


async def test_a_child_has_limits(edge: Edge, spawn: Spawn) -> None:
    worker = await spawn(child_open_files=77)
    await worker.order(script="silent")
    child = (await worker.session())["pid"]

    limits = Path(f"/proc/{child}/limits").read_text()

    columns = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert columns["Max open files"] == ["77", "77"]
    assert columns["Max core file size"] == ["0", "0"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change uids")
async def test_a_child_with_a_uid_of_its_own_has_all_limits(edge: Edge, spawn: Spawn) -> None:
    """From the first moment: nobody without CAP_SYS_RESOURCE may limit another user's process."""
    worker = await spawn(
        child_uids="20000-20001",
        child_open_files=77,
        child_processes=33,
        child_disk_bytes=1 << 20,
        child_memory_bytes=1 << 28,
    )
    await worker.order(launch={"command": "cat"})
    child = (await worker.session())["pid"]

    limits = Path(f"/proc/{child}/limits").read_text()

    columns = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert columns["Max open files"] == ["77", "77"]
    assert columns["Max processes"] == ["33", "33"]
    assert columns["Max file size"] == [str(1 << 20)] * 2
    assert columns["Max data size"] == [str(1 << 30)] * 2


async def test_bad_settings_are_all_named_at_once(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MOORING_")}
    environ |= {
        "MOORING_CAPACITY": "many",
        "MOORING_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "mooring_worker"], env=environ, capture_output=True, timeout=20
    )

    assert ended.returncode == 1
    assert b"MOORING_CAPACITY" in ended.stderr
    assert b"MOORING_WORKER_SECRET" in ended.stderr
