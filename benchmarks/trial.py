"""One public server: built and hosted with `mooring add`, started through Mooring and by hand."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.messages import INITIALIZE, INITIALIZED
from benchmarks.public_servers import PublicServer
from benchmarks.session import BenchError
from benchmarks.stdio import StdioSession
from benchmarks.websocket import WebSocketSession
from mooring import launch, trees
from mooring.url import connect_url
from mooring_local.runtimes import runtime_path

_BUILD_SECONDS = 120.0
_START_SECONDS = 60.0
_BETWEEN_STARTS_SECONDS = 0.3  # what ends a session is not to be counted in the next start
_STARTING = b"Starting "
_SHOWN_LINES = 3
_SHOWN_CHARACTERS = 400
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"  # as the worker's sandbox has it


class NotWorking(BenchError):
    """Why a server cannot be had."""


@dataclass(frozen=True)
class Place:
    """A running Mooring of this machine."""

    home: Path
    ws_url: str
    api_key: str


@dataclass
class Outcome:
    """What came of one server; `reason` is empty when it works."""

    server: PublicServer
    reason: str = ""
    build_seconds: float | None = None
    """Of `mooring add`, up to where it starts the server; nothing of it was on this machine before."""
    tools: int | None = None
    hosted: list[float] = field(default_factory=list)
    """Seconds from connecting to the answer of `initialize`."""
    by_hand: list[float] = field(default_factory=list)
    """Seconds from spawning the same command to the same answer."""

    @property
    def is_as_expected(self) -> bool:
        return not self.reason or bool(self.server.refused)

    @property
    def ratio(self) -> float | None:
        return median(self.hosted) / median(self.by_hand) if self.hosted and self.by_hand else None


async def attempt(server: PublicServer, place: Place, starts: int) -> Outcome:
    """Build, host and start `server`; what fails is part of the outcome. It is hosted until `remove`."""
    outcome = Outcome(server)
    try:
        bundle = await _host(outcome, place)
        if (outcome.tools or 0) < server.tools:
            outcome.reason = f"lists {outcome.tools} tools, not {server.tools} or more"
        await _start(outcome, place, place.home / "worker" / "bundles" / bundle, starts)
    except (BenchError, OSError) as error:
        outcome.reason = str(error)
    return outcome


async def remove(server: PublicServer, place: Place) -> None:
    """Take it out of the catalog and off the disk."""
    with contextlib.suppress(NotWorking):  # was never hosted
        await _mooring(place, {}, ["remove", server.qualified_name])
    for bundle in (place.home / "worker" / "bundles").iterdir():
        if _description(bundle).get("source") == server.source:
            await asyncio.to_thread(trees.remove, bundle)


async def _host(outcome: Outcome, place: Place) -> str:
    """Run `mooring add` with empty package caches; return the digest of the bundle."""
    server = outcome.server
    variables = [f"--env={name}={value}" for name, value in server.environment.items()]
    arguments = ["--", *server.arguments] if server.arguments else []
    command = ["add", server.source, "--name", server.qualified_name, "--json", *variables, *arguments]
    with tempfile.TemporaryDirectory(prefix="mooring-caches-") as caches:
        empty = {"npm_config_cache": f"{caches}/npm", "PIP_CACHE_DIR": f"{caches}/pip"}
        added = json.loads(await _mooring(place, empty, command, outcome))
    outcome.tools = len(added.get("tools", []))
    digest: str = added["bundle"]
    return digest


async def _mooring(
    place: Place, variables: dict[str, str], command: list[str], outcome: Outcome | None = None
) -> bytes:
    """Run a `mooring` command on `place`; return what it printed. Of `add`, note when the bundle is built.

    Raises:
        NotWorking: it failed, or took too long.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MOORING_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mooring_cli", *command),
        env={**clean, **variables, "MOORING_HOME": str(place.home)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout and process.stderr
    printed = asyncio.create_task(process.stdout.read())
    began = perf_counter()
    said: list[str] = []
    try:
        async with asyncio.timeout(_BUILD_SECONDS) as limit:
            async for line in process.stderr:
                said.append(line.decode(errors="replace").strip())
                if outcome and line.startswith(_STARTING):
                    outcome.build_seconds = perf_counter() - began
                    limit.reschedule(asyncio.get_running_loop().time() + _START_SECONDS)
            status = await process.wait()
    except TimeoutError:
        is_built = outcome and outcome.build_seconds is not None
        what, seconds = ("start", _START_SECONDS) if is_built else ("build", _BUILD_SECONDS)
        raise NotWorking(f"no {what} after {seconds:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if status:
        raise NotWorking(_reason(said))
    return await printed


def _reason(said: list[str]) -> str:
    """Return the error among the lines of a command, and the last of what follows it."""
    lines = [line.removeprefix("| ") for line in said if line]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error")), 0)
    told = [*lines[first : first + 1], *lines[first + 1 :][-_SHOWN_LINES:]]
    return " / ".join(told)[:_SHOWN_CHARACTERS]


async def _start(outcome: Outcome, place: Place, bundle: Path, starts: int) -> None:
    """Start it both ways in turn, after one start of each that is not counted."""
    for number in range(starts + 1):
        hosted = await _hosted_start(outcome.server, place)
        by_hand = await _start_by_hand(outcome.server, place, bundle)
        if number:
            outcome.hosted.append(hosted)
            outcome.by_hand.append(by_hand)


async def _hosted_start(server: PublicServer, place: Place) -> float:
    session = WebSocketSession(connect_url(place.ws_url, server.qualified_name, api_key=place.api_key))
    began = perf_counter()
    async with _bounded("through Mooring"):
        await session.open()
    seconds = perf_counter() - began
    await session.send(INITIALIZED)
    await session.close()
    await asyncio.sleep(_BETWEEN_STARTS_SECONDS)
    return seconds


class _ByHand(StdioSession):
    def received(self, frame: bytes) -> None:
        if frame.startswith(b"{"):  # a banner on stdout is a server's bad habit, and not what is measured
            super().received(frame)


async def _start_by_hand(server: PublicServer, place: Place, bundle: Path) -> float:
    """Start the release's command in a fresh folder, with the environment that a child of a worker has."""
    with tempfile.TemporaryDirectory(prefix="mooring-by-hand-", ignore_cleanup_errors=True) as folder:
        rule = _description(bundle)["launch"]
        rule = {**rule, "env": {**rule.get("env", {}), **server.environment}}
        resolved = launch.resolve(rule, {}, str(bundle), folder)
        path = f"{runtime_path(place.home / 'runtimes')}:{_SYSTEM_PATH}"
        environment = {"LANG": "C.UTF-8", "PATH": path, "HOME": folder, "TMPDIR": folder, **resolved.env}
        session = _ByHand(list(resolved.argv), environment, resolved.cwd)
        began = perf_counter()
        await session.connect()
        try:
            async with _bounded("by hand"):
                await session.call(INITIALIZE)
            return perf_counter() - began
        finally:
            await asyncio.to_thread(session.kill)
            await asyncio.sleep(_BETWEEN_STARTS_SECONDS)


@contextlib.asynccontextmanager
async def _bounded(way: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_START_SECONDS):
            yield
    except TimeoutError:
        raise NotWorking(f"no answer to initialize {way} after {_START_SECONDS:.0f} s") from None


def _description(bundle: Path) -> dict[str, Any]:
    """Return what a bundle says about itself, nothing where it is none."""
    try:
        content: dict[str, Any] = json.loads((bundle / trees.DESCRIPTION).read_text(encoding="utf-8"))
    except OSError:
        return {}
    return content
