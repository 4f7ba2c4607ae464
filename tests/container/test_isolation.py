"""A hostile child in the real container: each attempt fails, or is bounded and told.

The container runs as Fargate would run it, but on the host's network: all traffic stays on the loopback
interface, and the endpoints of ECS are in reach of the child as they are in a task.
"""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from benchmarks import container_load
from mooring.url import connect_url
from mooring_local import processes
from tests.container.ecs import TaskAgent, task_agent
from tests.container.task import RESTRICTIONS, container
from tests.raw_client import RawClient, raw_client

pytestmark = pytest.mark.integration

_SERVERS = Path(__file__).parents[1] / "servers"
_SERVER = "evil/hostile"
_LIMIT_BYTES = 64 * 2**20
_PROCESSES = 48
_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Target:
    """A worker in a container, and how to have the hostile server run in it."""

    url: str
    port: int
    agent: TaskAgent
    platform: container_load.Platform

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RawClient]:
        async with asyncio.timeout(_SECONDS), raw_client(self.url) as client:
            await client.initialize()
            yield client

    def used(self) -> int:
        return sum(row.used for row in self.platform.rows.all())


@pytest.fixture(scope="module")
def target(worker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    port = processes.free_port()
    with container_load.platform(tmp_path_factory.mktemp("platform")) as platform:
        aws = {name: value for name, value in platform.worker_variables.items() if "_KEY" in name}
        given = {"AccessKeyId": aws["AWS_ACCESS_KEY_ID"], "SecretAccessKey": aws["AWS_SECRET_ACCESS_KEY"]}
        role = {**given, "Token": "", "Expiration": "2099-01-01T00:00:00Z"}
        with task_agent(secrets.token_hex(16), lambda: role) as agent:
            environment = {
                **{name: value for name, value in platform.worker_variables.items() if name not in aws},
                **agent.variables,
                "MOORING_WORKER_HOST": "127.0.0.1",
                "MOORING_WORKER_PORT": str(port),
                "MOORING_CHILD_MEMORY_BYTES": str(_LIMIT_BYTES),
                "MOORING_CHILD_DISK_BYTES": str(_LIMIT_BYTES),
                "MOORING_CHILD_PROCESSES": str(_PROCESSES),
            }
            with container(worker_image, environment, RESTRICTIONS, {_SERVERS: "/srv/servers"}):
                platform.until_announced(1)
                yield Target(publish(platform), port, agent, platform)


def publish(platform: container_load.Platform) -> str:
    launch = {"command": "python3", "args": ["/srv/servers/hostile.py"]}
    body = json.dumps({"displayName": "Hostile", "release": {"launch": launch}}).encode()
    headers = {"authorization": f"Bearer {platform.api_key}", "content-type": "application/json"}
    urlopen(Request(f"{platform.url}/servers/{_SERVER}", body, headers, method="PUT"), timeout=10).close()
    return connect_url(platform.ws_url, _SERVER, api_key=platform.api_key)


async def attack(client: RawClient, tool: str, **arguments: Any) -> Any:
    """Return what the child says came of an attack."""
    result = await client.call_tool(tool, **arguments)
    assert "content" in result, result
    return json.loads(result["content"][0]["text"])


def successes(report: dict[str, str]) -> dict[str, str]:
    return {what: outcome for what, outcome in report.items() if not outcome.startswith("failed")}


async def test_a_child_finds_no_credentials_where_the_agent_has_found_them(target: Target) -> None:
    assert target.agent.served["credentials"] >= 1
    async with target.session() as client:
        assert successes(await attack(client, "credentials", port=target.agent.port)) == {}


async def test_a_child_reads_nothing_of_the_agent_and_cannot_signal_it(target: Target) -> None:
    async with target.session() as client:
        report = await attack(client, "agent")
        assert int(report.pop("seen")) >= 1
        assert successes(report) == {}


async def test_a_child_reaches_no_other_sessions_files_and_writes_nowhere_else(target: Target) -> None:
    async with target.session() as victim, target.session() as client:
        folder = await attack(victim, "where")
        assert successes(await attack(client, "files", folder=folder)) == {}
        assert successes(await attack(client, "agent")).keys() == {"seen"}


async def test_what_a_session_leaves_in_shared_memory_is_gone_with_it(target: Target) -> None:
    token = secrets.token_hex(8)
    async with target.session() as first:
        left = await attack(first, "rooms", token=token)
        assert successes(left).keys() <= {"/dev/shm", "/dev/mqueue"}
    await gone(lambda: target.used() == 0)
    async with target.session() as second:
        assert "found" not in (await attack(second, "rooms", token=token)).values()


async def test_a_child_can_neither_call_the_agent_nor_forge_a_hook(target: Target) -> None:
    async with target.session() as client:
        assert successes(await attack(client, "call", port=target.port)) == {}


@pytest.mark.parametrize(
    ("resource", "arguments", "said"),
    [
        ("memory", {"pause_seconds": 0.05}, "used more than 64 MiB of memory"),
        ("disk", {}, "wrote more than 64 MiB to disk"),
    ],
)
async def test_a_child_that_takes_too_much_is_ended_and_its_client_told(
    target: Target, resource: str, arguments: dict[str, Any], said: str
) -> None:
    async with target.session() as bystander, target.session() as client:
        answer = await client.request("tools/call", {"name": resource, "arguments": arguments}, id=7)
        assert answer["error"]["code"] == -32011, answer
        assert said in answer["error"]["message"], answer
        assert await attack(bystander, "uid")


async def test_a_child_that_outruns_the_watch_is_refused_by_the_kernel(target: Target) -> None:
    async with target.session() as client:
        answer = await client.request(
            "tools/call", {"name": "memory", "arguments": {"pause_seconds": 0}}, id=7
        )
        assert answer["error"]["code"] == -32011, answer
        assert (
            "MemoryError" in json.dumps(answer["error"]["data"]["stderr"])
            or "MiB" in answer["error"]["message"]
        )


async def test_a_fork_bomb_is_bounded_and_nothing_of_it_outlives_its_session(target: Target) -> None:
    async with target.session() as bystander:
        async with target.session() as client:
            uid = int(await attack(client, "uid"))
            outcome = await attack(client, "processes")
            assert outcome.startswith("failed"), outcome
            assert len(of_user(uid)) <= _PROCESSES
        await gone(lambda: of_user(uid) == [])
        assert await attack(bystander, "uid")


async def test_a_daemon_ends_with_its_session(target: Target) -> None:
    async with target.session() as client:
        uid = int(await attack(client, "daemon"))
        assert of_user(uid)
    await gone(lambda: of_user(uid) == [])


def of_user(uid: int) -> list[int]:
    """Return the processes of a user, as the host sees them."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.uids().real == uid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def gone(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, "still there after a minute"
        await asyncio.sleep(_POLL_SECONDS)
