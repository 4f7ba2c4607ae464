"""Sessions whose command is said by a `commandFunction`."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring import command_function
from mooring.launch import Computed
from mooring.settings import WorkerSettings
from mooring_worker import starting
from mooring_worker.orphans import Orphans
from mooring_worker.sandbox import Sandboxes
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import SERVERS, Start, tagged

SECRET = "sk-do-not-tell-anybody"


def rule(body: str, **fields: Any) -> dict[str, Any]:
    return {"commandFunction": f"(config) => {body}", **fields}


async def test_the_child_is_started_as_the_function_says(edge: Edge, start: Start) -> None:
    worker = await start()
    program = (
        "import json, os, sys; print(json.dumps({'method': 'told', 'params':"
        " {'args': sys.argv[1:], 'env': {**os.environ}}}), flush=True); input()"
    )
    launch = rule(
        "({ command: config.python, args: ['-c', config.program, config.key, '${config.key}'],"
        " env: { KEY: config.key } })",
        env={"OWN": "${config.key}"},
    )
    config = {"python": sys.executable, "program": program, "key": SECRET}

    assert (await worker.order(launch=launch, config=config)).status == 201

    told = await edge.notification("told")
    assert told["args"] == [SECRET, "${config.key}"]
    assert told["env"]["KEY"] == told["env"]["OWN"] == SECRET


async def test_a_function_that_fails_is_a_start_failure_in_band_that_tells_no_secret(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    launch = rule("{ throw new Error(config.key); }")

    assert (await worker.order(launch=launch, config={"key": SECRET})).status == 201

    answer = await worker.post({"id": 1, "method": "initialize"})
    assert json.loads(answer.body)["code"] == -32014
    assert SECRET.encode() not in answer.body
    assert tagged(worker.home) == []


async def test_other_sessions_go_on_while_a_function_takes_its_time(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order("other", connection="c2")
    endless = asyncio.create_task(worker.order("s1", launch=rule("{ for (;;); }")))
    while await worker.session("s1") is None:
        await asyncio.sleep(0)

    await worker.post({"id": 7, "method": "ping"}, "other")
    await edge.answer_to(7, "c2")

    assert not endless.done()
    assert (await endless).status == 201


async def test_a_worker_without_the_engine_says_so(edge: Edge, start: Start, monkeypatch: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    worker = await start()

    await worker.order(launch=rule("({ command: 'x' })"))

    answer = await worker.post({"id": 1, "method": "initialize"})
    assert "quickjs-ng" in json.loads(answer.body)["message"]


async def test_the_sweep_for_orphans_lets_the_evaluation_alone(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = tmp_path / "home" / "sessions" / "s1"
    settings = WorkerSettings(
        home=str(tmp_path / "home"), worker_id="w", connections_url="http://127.0.0.1", worker_secret="s"
    )
    sandbox, orphans = Sandboxes(settings).create("s1"), Orphans()
    ask = command_function.ask

    def swept(process: subprocess.Popen[bytes], *question: Any) -> command_function.Command:
        orphans.sweep()
        return ask(process, *question)

    monkeypatch.setattr(command_function, "ask", swept)
    launch = Computed("() => ({ command: 'true' })", {}, {}, str(directory))
    process = await starting.spawn(launch, sandbox, orphans)

    process.communicate()
    assert process.returncode == 0
    await sandbox.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change uids")
async def test_the_function_is_evaluated_under_the_session_s_own_uid(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = "/usr/bin/python3"
    if not Path(python).exists():
        pytest.skip("no python that every uid may execute")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o711)  # pytest's own are closed to others
    program = (
        "import json, os, sys; sys.stdin.read(); told = {'method': 'who', 'params': os.getresuid()};"
        " print(json.dumps({'value': ['echo', json.dumps(told)]}))"
    )
    monkeypatch.setattr(command_function, "argv", lambda: (python, "-I", "-c", program))
    worker = await start(child_uids="20000-20001")

    await worker.order(launch=rule("0"))

    assert (await edge.notification("who")) == [20000] * 3


async def test_the_function_s_folder_is_the_rule_s(edge: Edge, start: Start) -> None:
    worker = await start()
    launch = rule(f"({{ command: '{sys.executable}', args: ['-u', 'echo.py'] }})", cwd=str(SERVERS))

    await worker.order(launch=launch)
    await worker.post({"id": 1, "method": "ping"})

    assert "error" not in (await edge.answer_to(1))
