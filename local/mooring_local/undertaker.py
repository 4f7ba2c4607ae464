"""Runs the function `session_reaper` here: every few seconds, and at once for a worker whose process died."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mooring_local import handlers

_SWEEP_SECONDS = 5.0
_SUCCESSOR_SECONDS = 1.0  # leaves half of the 2 s in which a dead worker's requests are answered

_logger = logging.getLogger(__name__)


class Undertaker:
    """`ledgers` is where workers write down what is in flight, for when they die."""

    def __init__(self, ledgers: Path) -> None:
        self._ledgers = ledgers
        shutil.rmtree(ledgers, ignore_errors=True)  # of workers whose clients are gone with the last run
        self._reaper: Any = handlers.module("session_reaper").reaper
        self._stopping = asyncio.Event()
        self._tasks = {asyncio.create_task(self._sweep())}

    async def stop(self) -> None:
        """Return when nothing of it runs any more; what it uses must still be there."""
        self._stopping.set()
        await asyncio.wait(self._tasks)

    def bury(self, worker_id: str, successor: Callable[[], Awaitable[object]]) -> None:
        """Begin to tell the clients of a dead worker; `successor` returns when they can connect again."""
        task = asyncio.create_task(self._bury(worker_id, successor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bury(self, worker_id: str, successor: Callable[[], Awaitable[object]]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SUCCESSOR_SECONDS):
                await successor()
        await self._call(self._reaper.bury, worker_id)
        (self._ledgers / worker_id).unlink(missing_ok=True)

    async def _sweep(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_SECONDS):
                    await self._stopping.wait()
                    return
            await self._call(self._reaper.sweep)

    async def _call(self, work: Callable[..., None], *arguments: str) -> None:
        try:
            await asyncio.to_thread(work, *arguments)
        except Exception:  # the boundary: the emulator may be starting again
            _logger.exception("not reaped")
