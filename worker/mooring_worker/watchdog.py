"""Ends sessions whose processes take more memory or disk than a session may have.

A container cannot make cgroups or quotas (Fargate mounts none that may be written), so somebody has to look.
What a process can take between two looks is bounded by limits of the kernel: `sandbox` sets those.
"""

import asyncio
import logging
import os
from collections import Counter
from pathlib import Path

from mooring.settings import WorkerSettings
from mooring_worker import users
from mooring_worker.agent import Agent

_LOOK_SECONDS = 0.5
_GROWTH_BYTES = 16 * 2**20  # of what the volume holds, before folders are measured again
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_logger = logging.getLogger(__name__)


class Watchdog:
    def __init__(self, agent: Agent, settings: WorkerSettings) -> None:
        self._agent = agent
        self._home = Path(settings.home)
        self._memory_bytes = settings.child_memory_bytes
        self._disk_bytes = settings.child_disk_bytes
        self._measured_bytes = 0

    async def run(self) -> None:
        """Look for ever, if there is a limit."""
        while self._memory_bytes or self._disk_bytes:
            await asyncio.sleep(_LOOK_SECONDS)
            if len(self._agent):
                if self._memory_bytes:
                    self._look_at_memory()
                if self._disk_bytes:
                    await self._look_at_disk()

    def _look_at_memory(self) -> None:
        by_user = {s.sandbox.uid: s for s in self._agent if s.sandbox.uid is not None}
        used: Counter[int] = Counter()
        for pid, uid in users.processes(frozenset(by_user)):
            used[uid] += _resident_bytes(pid)
        for uid, size_bytes in used.items():
            if size_bytes > self._memory_bytes:
                _logger.warning("too much memory", extra={"session_id": by_user[uid].session_id})
                by_user[uid].overstep(f"used more than {_mebibytes(self._memory_bytes)} MiB of memory")

    async def _look_at_disk(self) -> None:
        volume = os.statvfs(self._home)
        used_bytes = (volume.f_blocks - volume.f_bfree) * volume.f_frsize
        if used_bytes - self._measured_bytes < min(_GROWTH_BYTES, self._disk_bytes // 2):
            self._measured_bytes = min(self._measured_bytes, used_bytes)
            return
        self._measured_bytes = used_bytes
        for session in list(self._agent):
            if await asyncio.to_thread(_size_bytes, session.sandbox.directory) > self._disk_bytes:
                _logger.warning("too much disk", extra={"session_id": session.session_id})
                session.overstep(f"wrote more than {_mebibytes(self._disk_bytes)} MiB to disk")


def _mebibytes(size_bytes: int) -> int:
    return size_bytes // 2**20


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _size_bytes(folder: Path) -> int:
    """Return what the files of a folder take on disk; those that go meanwhile are left out."""
    total = 0
    for path, _, files in os.walk(folder, onerror=None):
        for name in files:
            try:
                total += Path(path, name).lstat().st_blocks * 512
            except OSError:
                continue
    return total
