"""What a worker tells CloudWatch."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from mooring.settings import WorkerSettings
from mooring_worker.figures import Figures
from tests.unit.figures import figures, total
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start

SETTINGS = WorkerSettings("home", "http://connections.test", "secret", metrics=True, stack="acme")
MINUTE = 60.0


async def test_each_minute_tells_what_is_held_and_what_was_moved_since_the_last(
    edge: Edge, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = await start()
    now = 0.0
    told = Figures(worker.agent, SETTINGS, lambda: now)
    await worker.order()
    await worker.call("echo", 1, text="")
    await edge.answer_to(1)
    now = MINUTE
    told.tell_if_due()
    assert [
        (name, value) for name, value, *_ in figures(capsys.readouterr().out) if name != "ResidentMemory"
    ] == [
        ("SessionsOpen", 1),
        ("StartFailures", 0),
        ("FramesIn", 1),
        ("FramesOut", 1),
    ]

    await worker.order("s2", connection="c2", launch={"command": "no-such-program"})
    now = 2 * MINUTE
    told.tell_if_due()
    output = capsys.readouterr().out
    assert [total(output, name) for name in ("SessionsOpen", "StartFailures", "FramesIn")] == [2, 1, 0]
    assert total(output, "ResidentMemory") > 1 << 20


async def test_a_minute_is_told_once(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the sum of what all workers tell in a minute is what the pool has."""
    worker = await start()
    now = 59.0
    told = Figures(worker.agent, SETTINGS, lambda: now)
    told.tell_if_due()
    for moment in (60.5, 62.5, 119.0):
        now = moment
        told.tell_if_due()
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_the_heartbeat_tells_them(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mooring_worker.figures._SECONDS", 0.02)
    worker = await start(metrics=True, stack="acme", heartbeat_seconds=0.01)
    output: list[str] = []

    def has_told_twice() -> bool:
        output.extend(capsys.readouterr().out.splitlines())
        return len(output) > 1

    beating = asyncio.create_task(worker.heartbeat.run())
    try:
        await edge.until(has_told_twice, "figures of two minutes, which are short here")
    finally:
        beating.cancel()
    assert all("SessionsOpen" in line for line in output)


async def test_a_worker_that_ends_tells_what_it_has_not_told(edge: Edge, spawn: Callable[..., Any]) -> None:
    worker = await spawn(metrics=True, stack="acme", heartbeat_seconds=0.05)
    await worker.order()
    await worker.call("echo", 1, text="the params")
    await edge.answer_to(1)
    worker.process.send_signal(signal.SIGINT)
    await edge.until(lambda: worker.process.poll() is not None, "the end of the worker")

    output = (worker.home / "worker.out").read_text()
    assert (total(output, "FramesIn"), total(output, "StartFailures")) == (1, 0)
    assert total(output, "FramesOut") >= 1
    assert {dimensions for *_, dimensions in figures(output)} == {(("Stack", "acme"),)}
    assert "the params" not in output


async def test_a_worker_writes_nothing_on_stdout_unless_it_is_wanted(
    edge: Edge, spawn: Callable[..., Any]
) -> None:
    worker = await spawn()
    worker.process.send_signal(signal.SIGINT)
    await edge.until(lambda: worker.process.poll() is not None, "the end of the worker")
    assert (worker.home / "worker.out").read_text() == ""


async def test_each_line_of_a_session_s_life_has_its_ids(edge: Edge, spawn: Callable[..., Any]) -> None:
    worker = await spawn()
    await worker.order()
    await worker.call("crash", 1, code=3)
    await edge.answer_to(1)
    await worker.end()
    await edge.until(
        lambda: "session ended" in (worker.home / "worker.log").read_text(), "the line of the end"
    )

    lines = map(json.loads, (worker.home / "worker.log").read_text().splitlines())
    of_session = [
        line for line in lines if line["message"] in ("session started", "child ended", "session ended")
    ]
    assert [line["message"] for line in of_session] == ["session started", "child ended", "session ended"]
    assert {(line["session_id"], line["connection_id"]) for line in of_session} == {("s1", "c1")}


async def test_a_child_knows_its_session(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.call("env", 1, name="MOORING_SESSION_ID")
    assert (await edge.answer_to(1))["result"]["content"][0]["text"] == "s1"


async def test_a_frame_is_followed_by_its_message_s_id_at_debug_and_not_told(
    edge: Edge, spawn: Callable[..., Any]
) -> None:
    worker = await spawn(log_level="DEBUG")
    await worker.order()
    frame = {"id": 1, "method": "ping", "params": {"text": "what the client asked"}}
    await worker.post(frame, x_message_id="m1", x_connection_id="c1")
    await edge.answer_to(1)
    log = (worker.home / "worker.log").read_text()
    (line,) = [json.loads(line) for line in log.splitlines() if "frame accepted" in line]
    assert (line["session_id"], line["connection_id"], line["message_id"]) == ("s1", "c1", "m1")
    assert "what the client asked" not in log
