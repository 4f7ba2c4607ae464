"""What the processes of a target cost, its stdio children apart from the rest."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from time import perf_counter

import psutil

from benchmarks.child import Child
from benchmarks.session import BenchError
from benchmarks.workspace import LOGS, log_file

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_SHELLS = frozenset({"sh", "dash", "bash", "setpriv"})

Roles = Mapping[str, str]
"""Name of a role -> what the command line of its process contains."""


class StartFailed(BenchError):
    """A target did not start; its log says why."""


@dataclass(slots=True)
class Usage:
    cpu_seconds: float = 0.0
    rss_bytes: int = 0


class Processes:
    """The process `root` and all below it; without a root, those below this one."""

    def __init__(self, root: int | None, child: Child, roles: Roles | None = None) -> None:
        self._root = root
        self._child = child
        self._roles = roles or {}

    def usage(self) -> dict[str, Usage]:
        """Return what each role has used; `bridge` is the role of a process that matches none."""
        used: dict[str, Usage] = {}
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if process.pid != self._root and self._is_child(command):
                    continue
                times = process.cpu_times()
                of_role = used.setdefault(self._role(command), Usage())
                of_role.cpu_seconds += times.user + times.system
                of_role.rss_bytes += process.memory_info().rss
        return used

    def count_children(self) -> int:
        """Return how many stdio servers run; a shell around one is none."""
        count = 0
        for process in self._members():
            with contextlib.suppress(psutil.Error):
                is_child = process.pid != self._root and self._is_child(process.cmdline())
                count += is_child and process.name() not in _SHELLS
        return count

    def _members(self) -> list[psutil.Process]:
        if self._root is None:
            return psutil.Process().children(recursive=True)
        return tree(self._root)

    def _is_child(self, command: list[str]) -> bool:
        return any(self._child.marker in part for part in command)

    def _role(self, command: list[str]) -> str:
        for role, mark in self._roles.items():
            if any(mark in part for part in command):
                return role
        return "bridge"


def tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(name: str, argv: list[str], environment: Mapping[str, str]) -> AsyncIterator[int]:
    """Start a program in a process group of its own and yield its pid; in the end nothing of it is left."""
    with log_file(name).open("wb") as log:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **environment},
            cwd=LOGS,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        await asyncio.to_thread(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    members = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    for member in members:  # psutil knows by its start time that a pid is still the same process
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()


async def wait_for_listener(name: str, pid: int, port: int, seconds: float) -> None:
    """Return when something accepts connections on `port`.

    Raises:
        StartFailed: the process ended, or `seconds` passed.
    """
    deadline = perf_counter() + seconds
    while perf_counter() < deadline and is_running(pid):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
            continue
        writer.close()
        return
    raise StartFailed(f"no listener; see {log_file(name)}")


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
