"""How a session's child is started: once, by its launch rule, in an environment of its own; or not at all."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import SERVERS, Start, tagged, zombies_of


async def test_a_session_is_started_once_however_often_it_is_asked_for(edge: Edge, start: Start) -> None:
    worker = await start()

    answers = await asyncio.gather(*(worker.order() for _ in range(3)))

    assert sorted(answer.status for answer in answers) == [200, 200, 201]
    assert (len(worker.agent), worker.agent.counts.starts) == (1, 1)


async def test_each_session_has_its_own_child(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order("a", connection="ca")
    await worker.order("b", connection="cb")
    call = {"method": "tools/call", "params": {"name": "state"}}

    await worker.post({"id": 1, **call}, "a")
    await worker.post({"id": 1, **call}, "b")

    assert (await edge.answer_to(1, "ca")) == (await edge.answer_to(1, "cb"))


async def test_a_server_that_dies_at_start_is_a_start_failure_with_stderr_for_its_owner(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    assert (await worker.order("mine", "dies_at_start", is_owner=True)).status == 201
    assert (await worker.order("yours", "dies_at_start", connection="c2")).status == 201
    await edge.notification("notifications/message")
    await edge.notification("notifications/message", "c2")

    mine, yours = (
        await worker.post({"id": 1, "method": "initialize"}, "mine"),
        await worker.post(b"{}", "yours"),
    )

    assert mine.status == yours.status == 410
    error = json.loads(mine.body)
    assert error["code"] == -32014
    assert error["data"] == {"exitCode": 3, "signal": None, "stderr": ["cannot find the database"]}
    assert "stderr" not in json.loads(yours.body)["data"]


async def test_a_request_to_a_dying_server_is_answered_with_how_it_ended(edge: Edge, start: Start) -> None:
    """Whatever arrives between the closing of its input and its exit, longer on a busy machine."""
    worker = await start()
    await worker.order("slow", "closes_stdin", is_owner=True)

    asked: list[int] = []
    async with asyncio.timeout(10):
        while (answer := await worker.post({"id": len(asked), "method": "ping"}, "slow")).status == 202:
            asked.append(len(asked))
        answers = [await edge.answer_to(id) for id in asked]

    told = [json.loads(answer.body), *(answer["error"] for answer in answers)]
    assert told == [told[0]] * len(told)
    assert (told[0]["code"], told[0]["data"]["stderr"]) == (-32014, ["cannot find the database"])


async def test_a_command_that_does_not_exist_is_a_start_failure_in_band(edge: Edge, start: Start) -> None:
    worker = await start()

    assert (await worker.order(launch={"command": "no-such-program"})).status == 201

    told = await edge.notification("notifications/message")
    assert told["level"] == "error"
    assert "no-such-program" in told["data"]
    answer = await worker.post({"id": 1, "method": "initialize"})
    assert json.loads(answer.body)["code"] == -32014
    assert tagged(worker.home) == []


async def test_the_child_sees_its_own_environment_and_nothing_of_the_worker(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    monkeypatch.setenv("MOORING_WORKER_SECRET", "do-not-tell")
    worker = await start(runtime_path="/opt/runtime/bin")
    program = (
        "import json,os; print(json.dumps({'method': 'env', 'params': {**os.environ}}), flush=True); input()"
    )
    launch = {"command": sys.executable, "args": ["-c", program], "env": {"K": "${config.k}"}}

    await worker.order(launch=launch, config={"k": "value"})

    env = await edge.notification("env")
    home = str(worker.home.resolve() / "sessions" / "s1")
    assert env.pop("PATH") == "/opt/runtime/bin:/usr/local/bin:/usr/bin:/bin"
    assert {env.pop(name) for name in ("HOME", "TMPDIR", "MOORING_SESSION_DIR")} == {home}
    assert env.pop("K") == "value"
    assert env.pop("MOORING_SESSION_ID") == "s1"
    assert set(env) <= {"LANG", "LC_ALL", "LC_CTYPE"}
    assert Path(home).stat().st_mode & 0o777 == 0o700
    assert zombies_of(os.getpid()) == []


async def test_the_folders_of_the_rule_come_first_and_its_programs_are_found_there(
    edge: Edge, start: Start
) -> None:
    worker = await start(runtime_path="/opt/runtime/bin")
    tools = worker.home / "bundles" / "sha" / ".mooring" / "bin"
    tools.mkdir(parents=True)
    (tools / "say-path").write_text(
        """#!/bin/sh\nprintf '{"method": "path", "params": {"path": "%s"}}\\n' "$PATH"\nread line\n"""
    )
    (tools / "say-path").chmod(0o755)
    launch = {"command": "say-path", "path": ["${bundle}/.mooring/bin"]}
    own = {**launch, "env": {"PATH": "/opt/own:/usr/bin:/bin"}}

    await worker.order("a", connection="ca", bundle="sha", launch=launch)
    await worker.order("b", connection="cb", bundle="sha", launch=own)

    first = await edge.notification("path", "ca")
    assert first == {"path": f"{tools}:/opt/runtime/bin:/usr/local/bin:/usr/bin:/bin"}
    assert await edge.notification("path", "cb") == {"path": f"{tools}:/opt/own:/usr/bin:/bin"}


async def test_no_child_writes_into_the_bundle_whoever_runs_the_worker(edge: Edge, start: Start) -> None:
    worker = await start()
    bundle = worker.home / "bundles" / "sha"
    bundle.mkdir(parents=True)
    bundle.chmod(0o555)
    script = 'touch "$0/own" "$0/elsewhere" 2>/dev/null; '
    script += 'echo "{\\"method\\":\\"done\\",\\"params\\":{}}"; read line'
    launch = {"command": "sh", "args": ["-c", script, "${bundle}"]}

    await worker.order(launch=launch, bundle="sha")

    await edge.notification("done")
    assert list(bundle.iterdir()) == []


async def test_a_launch_rule_is_filled_in_from_the_configuration(edge: Edge, start: Start) -> None:
    worker = await start()
    launch = {
        "command": sys.executable,
        "args": [str(SERVERS / "needs_config.py"), "--city", "${config.city}"],
        "env": {"API_KEY": "${config.key}"},
    }
    await worker.order(launch=launch, config={"city": "New York; rm -rf /", "key": "k1"})

    await worker.post({"id": 1, "method": "config"})

    result = (await edge.answer_to(1))["result"]
    assert result["arguments"] == ["--city", "New York; rm -rf /"]
    assert result["key"] == "k1"
