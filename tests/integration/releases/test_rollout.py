"""One release after another: the newer cancels the older, sessions go on, and one can go back."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from mooring_local import processes
from tests.integration.releases.conftest import Deployments, Project, until_over
from tests.raw_client import raw_client
from tests.stack import Stack

pytestmark = pytest.mark.integration

_ECHO = '"state", "ask"'


def slow(project: Project, script: str, mark: str) -> Path:
    """Return a folder whose build runs a shell script, which may sleep for `mark` seconds."""
    folder = project("slow")
    for name in ("smithery.yaml", "requirements.txt"):
        (folder / name).unlink()
    (folder / "package.json").write_text(
        '{"name": "slow", "version": "1.0.0", "bin": "main.js", "scripts": {"build": "sh build.sh"}}'
    )
    (folder / "build.sh").write_text(script.replace("MARK", mark))
    (folder / "main.js").write_text(
        "require('child_process').spawn('python', ['server.py'], {stdio: 'inherit'})"
    )
    return folder


def running(mark: str) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if mark in (one.info["cmdline"] or [])]


@pytest.fixture
def mark() -> Iterator[str]:
    """A number of seconds that nobody else sleeps."""
    mark = f"9871.{os.getpid()}{processes.free_port()}"
    yield mark
    assert running(mark) == []


async def until_it_runs(mark: str) -> None:
    async with asyncio.timeout(60):
        while not running(mark):
            await asyncio.sleep(0.02)


async def test_a_newer_release_cancels_the_one_in_work(
    deployments: Deployments, project: Project, mark: str
) -> None:
    older = await asyncio.to_thread(deployments.request, slow(project, "exec sleep MARK", mark))
    await until_it_runs(mark)
    newer = await asyncio.to_thread(deployments.deploy, project())
    assert newer.succeeded, newer.stderr
    assert deployments.release(older)["status"] == "CANCELLED"
    assert deployments.release(newer.release["id"])["isCurrent"]
    assert running(mark) == []


async def test_a_release_in_work_can_be_cancelled(
    deployments: Deployments, project: Project, mark: str, stack: Stack
) -> None:
    wanted = await asyncio.to_thread(deployments.request, slow(project, "exec sleep MARK", mark))
    await until_it_runs(mark)
    stack.command("releases", "cancel", deployments.name, wanted)
    async with asyncio.timeout(10):
        while running(mark):
            await asyncio.sleep(0.02)
    assert deployments.release(wanted)["status"] == "CANCELLED"
    assert not list((stack.home / "worker" / "bundles").glob(".build-*"))


async def test_a_build_whose_builder_is_killed_is_begun_anew(
    deployments: Deployments, project: Project, mark: str, stack: Stack
) -> None:
    """The first attempt sleeps, the second finds that there was one."""
    script = '[ -e "$XDG_CACHE_HOME/been" ] || { touch "$XDG_CACHE_HOME/been"; exec sleep MARK; }'
    wanted = await asyncio.to_thread(deployments.request, slow(project, script, mark))
    await until_it_runs(mark)
    os.kill(stack.pid("builder"), signal.SIGKILL)
    done = await until_over(deployments, wanted)
    assert done["status"] == "SUCCESS", done["logs"]
    assert "x" in deployments.call("echo", text="x")


async def test_sessions_go_on_with_the_release_they_began_with(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    await asyncio.to_thread(deployments.deploy, project())
    async with raw_client(stack.connect_url(deployments.name)) as old:
        await old.initialize()
        assert (await old.call_tool("state"))["content"][0]["text"] == "1"
        newer = project(instead={_ECHO: '"ask"', 'case "state"': 'case "never"'})
        done = await asyncio.to_thread(deployments.deploy, newer)
        assert done.succeeded, done.stderr
        assert (await old.call_tool("state"))["content"][0]["text"] == "2"
        async with raw_client(stack.connect_url(deployments.name)) as new:
            await new.initialize()
            assert "error" in str(await new.call_tool("state")) or "no tool" in str(
                await new.call_tool("state")
            )


async def test_one_can_go_back_to_an_earlier_release(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    first = deployments.deploy(project()).release["id"]
    second = deployments.deploy(project(instead={_ECHO: '"state"'})).release["id"]
    assert "ask" not in deployments.tools()
    stack.command("releases", "rollback", deployments.name, first)
    assert "ask" in deployments.tools()
    assert deployments.release(first)["isCurrent"]
    assert not deployments.release(second)["isCurrent"]
    listed = stack.command("releases", "list", deployments.name).splitlines()
    assert [line.split()[0] for line in listed if first in line] == ["*"]


def test_what_was_never_live_cannot_be_gone_back_to(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    deployments.deploy(project())
    bad = deployments.deploy(project(instead={"calls = 0": "raise SystemExit"})).release["id"]
    status, answer = stack.call("POST", f"/servers/{deployments.name}/releases/{bad}/rollback")
    assert (status, answer["error"]) == (409, "NotDeployed")


def test_a_release_says_what_it_changes(deployments: Deployments, project: Project, stack: Stack) -> None:
    first = deployments.deploy(project()).release["id"]
    second = deployments.deploy(project(instead={_ECHO: '"state", "new"'})).release
    changes = {(one["name"], one["change"]): one["isBreaking"] for one in second["changes"]}
    assert changes == {("ask", "removed"): True, ("new", "added"): False}
    shown = stack.command("releases", "changes", deployments.name, first, "--to", second["id"])
    assert "ask" in shown
    assert "added" in shown


async def test_a_release_is_told_event_by_event(
    deployments: Deployments, project: Project, stack: Stack
) -> None:
    """A client that comes back with the number of the last event gets what came after that."""
    wanted = await asyncio.to_thread(deployments.request, project())
    url = f"{stack.url}/servers/{deployments.name}/releases/{wanted}/stream"
    headers = {"Authorization": f"Bearer {stack.api_key}", "Accept": "text/event-stream"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as client:
        events, numbers = [], []
        async with client.stream("GET", url) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    events.append(line.removeprefix("event: "))
                if line.startswith("id: "):
                    numbers.append(int(line.removeprefix("id: ")))
        assert (events[0], events[-1]) == ("init", "complete")
        assert {"log", "status"} <= set(events)
        assert numbers == sorted(numbers)
        again = await client.get(url, headers={"Last-Event-ID": str(numbers[-1])})
    assert [line for line in again.text.splitlines() if line.startswith("event: ")] == [
        "event: init",
        "event: complete",
    ]
    assert '"logs": []' in again.text
