"""Runs the function `session_reaper` here: every few seconds, and at once for a process that has died."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from mooring_local import handlers

_SWEEP_SECONDS = 5.0
_SUCCESSOR_SECONDS = 1.0  # leaves half of the 2 s in which a dead worker's requests are answered
_BEAT_SECONDS = 3.0  # a worker announces itself every 2 s, also to an emulator that is started again

_logger = logging.getLogger(__name__)


class Undertaker:
    """`ledgers` is where workers write down what is in flight, for when they die.

    `successor` returns when the worker that was started last can be found in the tables.
    """

    def __init__(self, ledgers: Path, successor: Callable[[], Awaitable[object]]) -> None:
        self._ledgers = ledgers
        shutil.rmtree(ledgers, ignore_errors=True)  # of workers whose clients are gone with the last run
        self._successor = successor
        self._reaper: Any = handlers.module("session_reaper").reaper
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._begin(self._sweep())

    async def stop(self) -> None:
        """Return when nothing of it runs any more; what it uses must still be there."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def bury_worker(self, worker_id: str) -> None:
        """Begin to tell the clients of a dead worker."""
        self._begin(self._bury_worker(worker_id))

    async def bury_gateway(self) -> None:
        """Return when all that hung on the connections of a dead gateway has ended, or waits to be resumed.

        To be called while no gateway serves: sessions that are just being opened would be ended too.
        """
        await self._until_succeeded(_BEAT_SECONDS)
        await self._call(self._reaper.bury_connections)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bury_worker(self, worker_id: str) -> None:
        await self._until_succeeded(_SUCCESSOR_SECONDS)
        await self._call(self._reaper.bury, worker_id)
        (self._ledgers / worker_id).unlink(missing_ok=True)

    async def _until_succeeded(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._successor()

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
