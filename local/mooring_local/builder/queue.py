"""Works through the queue of releases: several servers' at once, one at a time of each."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mooring.errors import InvalidRequest, MooringError
from mooring.observability import logger
from mooring.release_log import ReleaseLog
from mooring.release_table import Cancelled, Queued, ReleaseTable
from mooring.releases import ReleaseRecord, failed
from mooring.rollouts import Rollout
from mooring.uploads import Uploads
from mooring_local.builder import isolation
from mooring_local.builder.build import Builder, Built
from mooring_local.packages import BuildFailed

_LOOK_SECONDS = 0.1
_AGAIN_SECONDS = 1.0  # the tables may be being restored
_WANTED_SECONDS = 0.3


class Queue:
    def __init__(
        self, table: ReleaseTable, builder: Builder, rollout: Rollout, uploads: Uploads, at_once: int
    ) -> None:
        self._table = table
        self._builder = builder
        self._rollout = rollout
        self._uploads = uploads
        self._at_once = asyncio.Semaphore(at_once)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._working: dict[Queued, asyncio.Task[None]] = {}

    async def work(self) -> None:
        """Work until cancelled; what is being built then is left as if it had not been begun."""
        try:
            while True:
                try:
                    queued = await asyncio.to_thread(self._table.queue)
                except (BotoCoreError, ClientError):
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                known = {(one.server, one.id) for one in self._working}
                for one in queued:
                    if (one.server, one.id) not in known:
                        self._begin(one)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._working.values():
                task.cancel()
            if self._working:
                await asyncio.wait(self._working.values())

    def _begin(self, queued: Queued) -> None:
        task = self._working[queued] = asyncio.create_task(self._release(queued))
        task.add_done_callback(lambda _: self._working.pop(queued))

    async def _release(self, queued: Queued) -> None:
        async with self._turns[queued.server]:
            taken = await asyncio.to_thread(self._table.take, queued)
            if taken is None:
                return
            record, scan = taken
            log = ReleaseLog(self._table, record)
            making = asyncio.create_task(self._make(record, scan, log))
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

    async def _make(self, record: ReleaseRecord, scan: dict[str, Any], log: ReleaseLog) -> None:
        try:
            log.begin("deploy")
            about: dict[str, Any] = {}
            if record.source["type"] == "external":
                log.end(f"It runs elsewhere, at {record.source['url']}")
            else:
                async with self._at_once:
                    built = await self._built(record, log)
                record, about = self._noted(record, built, log), built.package.about()
            await self._rollout.finish(record, about, scan, log)
        except Cancelled:
            raise
        except BuildFailed as error:
            for line in error.details:
                log.write("deploy", "info", line)
            self._fail(record, log, "FAILURE", error.cause, error.next_step, list(error.details))
        except MooringError as error:
            self._fail(record, log, "FAILURE", error.message)
        except Exception:
            logger.exception("release failed", server=record.server, release=record.id)
            self._fail(record, log, "INTERNAL_ERROR", "something went wrong here; try it again")

    async def _built(self, record: ReleaseRecord, log: ReleaseLog) -> Built:
        file = None
        if record.source["type"] == "upload":
            file = self._uploads.path(record.source["sha256"])
        if not isolation.is_isolated():
            log.write("deploy", "info", "Without isolation: bubblewrap does not work on this machine")
        progress = lambda line: log.write("deploy", "info", line)  # noqa: E731
        return await self._builder.build(record.server, record.source, file, progress)

    def _noted(self, record: ReleaseRecord, built: Built, log: ReleaseLog) -> ReleaseRecord:
        schema = record.source.get("configSchema")
        release = built.package.release(record.id, record.created_at, built.digest)
        if schema and not release.config_schema:
            release = replace(release, config_schema=schema)
        log.end(
            ("Unchanged: " if built.is_cached else "") + f"bundle {built.digest[:12]}, {built.package.reason}"
        )
        return self._table.save(
            replace(
                record,
                release=release,
                reason=built.package.reason,
                commit=built.package.commit,
                is_cached=built.is_cached,
            )
        )

    def _fail(
        self,
        record: ReleaseRecord,
        log: ReleaseLog,
        status: Any,
        message: str,
        advice: str = "",
        details: list[str] | None = None,
    ) -> None:
        log.fail(record.stage, message, advice)
        log.flush()
        error = {"message": message, "advice": advice, "details": details}
        with suppress(Cancelled, InvalidRequest):
            self._table.save(failed(record, status, error))
