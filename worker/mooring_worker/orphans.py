"""Processes that outlive the child that started them.

A server may leave processes behind: in its own group, or daemonised out of it (setsid, double fork). The
worker is a child subreaper, so the latter become its children when their parent ends. Each carries
`MOORING_SESSION_DIR` of its session in its environment: that says whose it is, also to the next worker when
this one was killed with SIGKILL. A session that has a user of its own is known by that instead: a container
may not read the environment of another user's process. Where there is no /proc none of this happens.
"""

import asyncio
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mooring_worker import users

TAG = "MOORING_SESSION_DIR"

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SWEEP_SECONDS = 1.0
_DEATH_SECONDS = 2.0  # after SIGKILL; only a process in uninterruptible sleep takes longer
_POLL_SECONDS = 0.01


def become_subreaper() -> None:
    """Have the orphans among this process's descendants become its children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Orphans:
    """The children of this process that no session started itself."""

    def __init__(self) -> None:
        self._uids = range(0)
        self._living: dict[str, int] = {}
        self._users: dict[str, int] = {}
        self._killers: dict[int, subprocess.Popen[bytes] | None] = {}

    def watch(self, uids: range) -> None:
        """Take every process of these users for one of a session."""
        self._uids = uids

    def expect(self, directory: str, pid: int, uid: int | None = None) -> None:
        """Leave `pid`, which its session reaps, and the other processes of that session alone."""
        self._living[directory] = pid
        if uid is not None:
            self._users[directory] = uid

    async def end(self, directory: str) -> None:
        """Kill and reap what is left of the session whose child has been reaped."""
        self._living.pop(directory, None)
        self._users.pop(directory, None)
        with suppress(TimeoutError):  # then `run` goes on trying
            async with asyncio.timeout(_DEATH_SECONDS):
                while self.sweep():
                    await asyncio.sleep(_POLL_SECONDS)

    async def run(self) -> None:
        """Sweep for ever. A poll, since libuv keeps SIGCHLD for itself."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep()

    def sweep(self) -> int:
        """Reap dead orphans and kill those of ended sessions; return how many are still to be reaped."""
        expected, users_there = frozenset(self._living.values()), frozenset(self._users.values())
        dying = 0
        left: set[int] = set()
        for pid in _children():
            if pid in expected or _reap(pid):
                continue
            uid = users.of_process(pid) if self._uids else None
            if uid is not None and uid in self._uids:
                if uid not in users_there:
                    left.add(uid)
                    dying += 1
                continue
            directory = _session_directory(pid)
            if directory and directory not in self._living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                dying += 1
        for uid in left:
            killer = self._killers.get(uid)
            if killer is None or killer.poll() is not None:
                self._killers[uid] = users.kill_all(uid)
        for uid in self._killers.keys() - left:
            del self._killers[uid]
        return dying


def clear(sessions: Path) -> None:
    """Kill what a worker that was killed left running in the folder `sessions`, and empty that folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        directory = _session_directory(pid)
        if directory and Path(directory).parent == sessions:
            _kill_and_wait(pid)
    shutil.rmtree(sessions, ignore_errors=True)


def _kill_and_wait(pid: int) -> None:
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            ended.poll(_DEATH_SECONDS * 1000)
        finally:
            os.close(handle)


def _children() -> Iterator[int]:
    """Give the direct children of this process; the kernel lists them per thread."""
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_bytes().split())


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _session_directory(pid: int) -> str | None:
    prefix = f"{TAG}=".encode()
    with suppress(OSError):  # it has ended, or is not ours to look at
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(prefix):
                return os.fsdecode(variable.removeprefix(prefix))
    return None
