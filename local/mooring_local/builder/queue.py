"""Works through the queue of releases: several servers' at once, one at a time of each.

What making one takes is loaded when the first is queued: until then this is a small process that waits.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from mooring.aws_json import AwsError
from mooring.observability import logger
from mooring.release_log import ReleaseLog
from mooring.release_table import Cancelled, Queued, ReleaseTable
from mooring.releases import ReleaseRecord

if TYPE_CHECKING:
    from mooring_local.builder.making import Maker

_LOOK_SECONDS = 0.2  # each look costs the emulator 2 ms
_AGAIN_SECONDS = 1.0  # the tables may be being restored
_WANTED_SECONDS = 0.3


class Queue:
    """`load` returns who makes releases; it may take its time."""

    def __init__(self, table: ReleaseTable, load: "Callable[[], Maker]") -> None:
        self._table = table
        self._load = cache(load)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._working: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def work(self) -> None:
        """Work until cancelled; what is being built then is left as if it had not been begun."""
        try:
            while True:
                await self._look()
        finally:
            for task in self._working.values():
                task.cancel()
            if self._working:
                await asyncio.wait(self._working.values())

    async def _look(self) -> None:
        try:
            for queued in await asyncio.to_thread(self._table.queue):
                if (queued.server, queued.id) not in self._working:
                    self._begin(queued)
        except (AwsError, OSError):
            await asyncio.sleep(_AGAIN_SECONDS)
        await asyncio.sleep(_LOOK_SECONDS)

    def _begin(self, queued: Queued) -> None:
        name = (queued.server, queued.id)
        self._working[name] = asyncio.create_task(self._release(queued))
        self._working[name].add_done_callback(lambda done: self._on_done(name, done))

    def _on_done(self, name: tuple[str, str], done: asyncio.Task[None]) -> None:
        del self._working[name]
        if not done.cancelled() and (error := done.exception()):  # it is still queued: tried again
            logger.warning("release left", server=name[0], release=name[1], error=repr(error))

    async def _release(self, queued: Queued) -> None:
        async with self._turns[queued.server]:
            maker = await asyncio.to_thread(self._load)
            taken = await asyncio.to_thread(self._table.take, queued)
            if taken is None:
                return
            record, scan = taken
            log = ReleaseLog(self._table, record)
            making = asyncio.create_task(maker.make(record, scan, log))
            watching = asyncio.create_task(self._until_unwanted(record, log))
            try:
                await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (making, watching):
                    task.cancel()
                await asyncio.wait({making, watching})
            with suppress(asyncio.CancelledError, Cancelled):
                making.result()
            self._table.leave(record)
            log.flush()

    async def _until_unwanted(self, record: ReleaseRecord, log: ReleaseLog) -> None:
        while self._table.is_wanted(record):
            await asyncio.sleep(_WANTED_SECONDS)
            if log.is_due:
                log.flush()
