"""The whole local Mooring: `mooring up`, a published server, a key, a WebSocket."""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.child import Child
from benchmarks.processes import Processes, StartFailed, free_port, is_running, running
from benchmarks.session import BenchError
from benchmarks.target import Running, Target
from benchmarks.websocket import WebSocketSession
from benchmarks.workspace import log_file
from mooring import __version__
from mooring.http1 import Client
from mooring.url import connect_url

NAME = "Mooring, whole local run"
_SERVER = "bench/echo"
_START_SECONDS = 120.0  # the first start of a home also installs the demo server
_POLL_SECONDS = 0.05
_ROLES = {
    "worker": "mooring_worker",
    "emulator": "ministack",
    "gateway": "mooring_local.gateway",
    "supervisor": "mooring_cli",
}


def target(home: str) -> Target:
    """Return the target; `home` is its MOORING_HOME, kept from one round to the next."""

    @contextlib.asynccontextmanager
    async def start(child: Child) -> AsyncIterator[Running]:
        async with hosting(home, child) as (url, processes):
            yield Running(processes, lambda: WebSocketSession(url))

    return Target(NAME, "WebSocket", has_own_children=True, start=start, version=__version__)


@contextlib.asynccontextmanager
async def hosting(home: str, child: Child) -> AsyncIterator[tuple[str, Processes]]:
    """Run Mooring in `home` with `child` as a server; yield the URL to connect to, and the processes."""
    async with serving(home) as (run, pid):
        await _publish(run, child)
        url = connect_url(run["ws_url"], _SERVER, api_key=run["api_key"])
        yield url, Processes(pid, child, _ROLES)


@contextlib.asynccontextmanager
async def serving(home: str) -> AsyncIterator[tuple[dict[str, Any], int]]:
    """Run Mooring in `home`; yield what its run file says, and its pid."""
    environment = {"MOORING_HOME": home, "MOORING_PORT": str(free_port())}
    command = [sys.executable, "-m", "mooring_cli", "up"]
    async with running(NAME, command, environment) as pid:
        yield await _ready(Path(home, "run.json"), pid), pid


def temporary_home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="mooring-bench-")


async def _ready(run_file: Path, pid: int) -> dict[str, Any]:
    deadline = perf_counter() + _START_SECONDS
    while perf_counter() < deadline and is_running(pid):
        if run_file.exists():
            run: dict[str, Any] = json.loads(run_file.read_text(encoding="utf-8"))
            return run
        await asyncio.sleep(_POLL_SECONDS)
    raise StartFailed(f"`mooring up` did not get ready; see {log_file(NAME)}")


async def _publish(run: dict[str, Any], child: Child) -> None:
    """Publish the child as it is: no bundle, an absolute command, so that all targets start the same."""
    launch = {"command": child.argv[0], "args": child.argv[1:]}
    client = Client(run["url"])
    response = await client.request(
        "PUT",
        f"/servers/{_SERVER}",
        headers={"authorization": f"Bearer {run['api_key']}", "content-type": "application/json"},
        body=json.dumps({"displayName": "Echo", "release": {"launch": launch}}).encode(),
    )
    await client.close()
    if response.status not in (200, 201):
        raise BenchError(f"PUT /servers answered {response.status}: {response.body.decode()[:160]}")
