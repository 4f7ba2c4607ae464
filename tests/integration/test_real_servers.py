"""Public servers from npm and PyPI, added with `mooring add` as a user does."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import JAVASCRIPT, PYTHON_1, PYTHON_2, Program, npm_version, over_websocket
from tests.clients.scenarios import Scenario, step, tool
from tests.integration.conftest import hosted_from_npm
from tests.raw_client import RawClient, raw_client
from tests.stack import Stack

pytestmark = pytest.mark.integration

DEMO = "demo/time"  # hosted by `mooring up` itself
GIT = "mcp-server-git==2026.10.19"
ANSWER_SECONDS = 20.0


@pytest.fixture(scope="module")
def memory(stack: Stack) -> str:
    """The memory server, told to keep its file in the session's own folder instead of its package's."""
    package = "@modelcontextprotocol/server-memory"
    place = "MEMORY_FILE_PATH=${session}/memory.jsonl"
    stack.command("add", f"npm:{package}@{npm_version(package)}", "--name", "npm/memory", "--env", place)
    return "npm/memory"


@pytest.fixture(scope="module")
def git(stack: Stack) -> str:
    stack.command("add", f"pypi:{GIT}", "--name", "pypi/git")
    return "pypi/git"


@pytest.fixture
async def clients(stack: Stack, memory: str) -> AsyncIterator[tuple[RawClient, RawClient]]:
    """Two clients of the memory server, at the same time."""
    url = stack.connect_url(memory)
    async with raw_client(url) as one, raw_client(url) as other:
        async with asyncio.timeout(ANSWER_SECONDS):
            await one.initialize()
            await other.initialize()
        yield one, other


async def test_a_session_keeps_its_state_from_call_to_call(clients: tuple[RawClient, RawClient]) -> None:
    one, _ = clients
    async with asyncio.timeout(ANSWER_SECONDS):
        await remember(one, "Ada")
        await remember(one, "Charles")

        assert await remembered(one) == ["Ada", "Charles"]


async def test_what_one_session_stores_another_does_not_see(
    stack: Stack, memory: str, clients: tuple[RawClient, RawClient]
) -> None:
    one, other = clients
    async with asyncio.timeout(ANSWER_SECONDS):
        await remember(one, "Ada")
        await remember(other, "Grace")
        async with raw_client(stack.connect_url(memory)) as later:
            await later.initialize()

            assert await remembered(later) == []
        assert await remembered(one) == ["Ada"]
        assert await remembered(other) == ["Grace"]


async def test_each_session_has_a_child_of_its_own(
    stack: Stack, memory: str, clients: tuple[RawClient, RawClient]
) -> None:
    sessions = await asyncio.to_thread(stack.worker_sessions)

    pids = {session["pid"] for session in sessions if session["server"] == memory}
    assert len(pids) == 2


async def test_a_child_sees_nothing_of_the_platform_s_environment(stack: Stack, everything: str) -> None:
    """Design: an allow-listed environment, never platform credentials."""
    async with asyncio.timeout(ANSWER_SECONDS), raw_client(stack.connect_url(everything)) as client:
        await client.initialize()
        result = await client.call_tool("get-env")

    environment: dict[str, str] = json.loads(result["content"][0]["text"])
    # The tag by which the worker knows whose process it is.
    ours = {"MOORING_SESSION_DIR", "MOORING_SESSION_ID"}
    assert set(environment) - {"LC_ALL"} == {"PATH", "HOME", "TMPDIR", "LANG", *ours}


async def test_sequential_thinking_counts_the_thoughts_of_its_session(stack: Stack) -> None:
    name = hosted_from_npm(stack, "@modelcontextprotocol/server-sequential-thinking")
    thoughts = [
        tool(
            f"thought {number}",
            "sequentialthinking",
            thought=f"thought {number}",
            nextThoughtNeeded=number < 3,
            thoughtNumber=number,
            totalThoughts=3,
        )
        for number in (1, 2, 3)
    ]
    seen = await JAVASCRIPT.play(over_websocket(stack.connect_url(name)), scenario(*thoughts))

    counted = [json.loads(text_of(seen, thought["label"]))["thoughtHistoryLength"] for thought in thoughts]
    assert counted == [1, 2, 3]


@pytest.mark.parametrize("program", [JAVASCRIPT, PYTHON_1, PYTHON_2], ids=lambda program: str(program.name))
async def test_the_demo_server_tells_the_time_to_every_client(stack: Stack, program: Program) -> None:
    steps = (
        step("tools", "tools/list"),
        tool("time", "get_current_time", timezone="Europe/Oslo"),
        tool("nowhere", "get_current_time", timezone="Moon/Tranquility"),
    )
    seen = await program.play(over_websocket(stack.connect_url(DEMO)), scenario(*steps))

    tools = [tool["name"] for tool in seen["results"]["tools"]["result"]["tools"]]
    assert tools == ["get_current_time", "convert_time"]
    assert json.loads(text_of(seen, "time"))["timezone"] == "Europe/Oslo"
    assert seen["results"]["nowhere"]["result"]["isError"]


async def test_a_client_and_a_server_that_know_no_handshake_need_none(stack: Stack) -> None:
    """Design: no assumption that `initialize` comes first. 2026-07-28 has none."""
    seen = await PYTHON_2.play(over_websocket(stack.connect_url(DEMO)), scenario())

    assert seen["server"]["protocolVersion"] == "2026-07-28"


async def test_the_git_server_reads_a_repository_of_this_machine(
    stack: Stack, git: str, tmp_path: Path
) -> None:
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Set sail"]):
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        subprocess.run(["git", "-C", tmp_path, *author, *command], check=True)

    steps = (tool("log", "git_log", repo_path=str(tmp_path)), tool("not one", "git_log", repo_path="/"))
    seen = await PYTHON_2.play(over_websocket(stack.connect_url(git)), scenario(*steps))

    assert "Set sail" in text_of(seen, "log")
    assert seen["results"]["not one"]["result"]["isError"]


def scenario(*steps: Any) -> Scenario:
    return {"answers": {}, "steps": list(steps)}


def text_of(seen: dict[str, Any], label: str) -> str:
    text: str = seen["results"][label]["result"]["content"][0]["text"]
    return text


async def remember(client: RawClient, name: str) -> None:
    entity = {"name": name, "entityType": "person", "observations": []}
    result = await client.call_tool("create_entities", entities=[entity])
    assert not result.get("isError"), result


async def remembered(client: RawClient) -> list[str]:
    result = await client.call_tool("read_graph")
    return [entity["name"] for entity in result["structuredContent"]["entities"]]
