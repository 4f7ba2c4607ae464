"""Takes releases from the queue in AWS: each is built by CodeBuild, then scanned and published.

What happens to a release is told by others, each maybe twice: that it was asked for, that it was cancelled,
that its build has ended. Whatever is not true any more is passed over.
"""

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import ValidationError

from mooring import api_errors, callbacks
from mooring.build_bodies import BuildOrder, BuildResult, build_name
from mooring.build_files import BuildFiles
from mooring.build_inputs import BuildInputs
from mooring.build_rows import BuildRow, BuildRows
from mooring.clock import Clock, iso8601
from mooring.codebuild import BuildProject, Outcome
from mooring.errors import InvalidRequest, MooringError, ReleaseNotFound
from mooring.fixed_sources import fixed
from mooring.observability import logger
from mooring.release_bodies import BuiltPackage
from mooring.release_log import ReleaseLog
from mooring.release_table import Cancelled, Queued, ReleaseTable
from mooring.releases import Document, ReleaseRecord, Status, failed
from mooring.rollouts import Rollout

QUEUE_SECONDS = 1800
"""How long a build may wait for its turn; the project says so too."""
SILENT_SECONDS = 1200.0
"""After so long without a word, longer than the function may take, a release is looked after."""
_LAST_LINES = 20
_MARGIN_SECONDS = 60
_TRY_AGAIN = "Try it again: retry"


@dataclass(frozen=True)
class Terms:
    """On which builds are run."""

    public_url: str
    secret: str
    """What the keys of their reports are derived from."""
    minutes: int
    bundle_bytes: int
    """Of an archive."""


class CloudBuilds:
    def __init__(
        self,
        table: ReleaseTable,
        rows: BuildRows,
        inputs: BuildInputs,
        files: BuildFiles,
        project: BuildProject,
        rollout: Rollout,
        terms: Terms,
        clock: Clock = time.time,
    ) -> None:
        self._table = table
        self._rows = rows
        self._inputs = inputs
        self._files = files
        self._project = project
        self._rollout = rollout
        self._terms = terms
        self._clock = clock

    async def begin(self, queued: Queued) -> None:
        """Take a release that was asked for, and have it built unless its bundle is there."""
        before = self._rows.of_server(queued.server)
        is_running = before is not None and self._is_running(before)
        if before and is_running and before.release == queued.id:
            return  # told twice
        taken = self._table.take(queued)
        if taken is None:
            return
        if before and is_running:
            self._project.stop(before.build)
        record, scan = taken
        await self._guarded(record, lambda log: self._begin(record, scan, log))

    async def ended(self, build: str) -> None:
        """Take up a release whose build has ended, however it did."""
        row = self._rows.of_build(build)
        if row is None or self._rows.of_server(row.server) != row:
            return  # none of ours, or another one is at work for that server
        try:
            record = self._table.get(row.server, row.release)
        except ReleaseNotFound:
            return
        if record.status != "WORKING":
            self._table.leave(record)
            return
        await self._guarded(record, lambda log: self._ended(record, row, log))

    def cancelled(self, server: str, release_id: str) -> None:
        """End the build of a release that is not wanted any more."""
        row = self._rows.of_server(server)
        if row and row.release == release_id and self._is_running(row):
            self._project.stop(row.build)
        with suppress(ReleaseNotFound):
            self._table.leave(self._table.get(server, release_id))

    async def look_after(self) -> None:
        """Take up what nobody has told of: releases in the queue that have been silent for long."""
        silent_since = iso8601(self._clock() - SILENT_SECONDS)
        for queued in self._table.queue():
            try:
                record = self._table.get(queued.server, queued.id)
            except ReleaseNotFound:
                continue
            if record.updated_at > silent_since:
                continue
            row = self._rows.of_server(queued.server)
            if row is None or row.release != queued.id or record.status != "WORKING":
                await self.begin(queued)
            elif not self._is_running(row):
                await self.ended(row.build)

    async def _begin(self, record: ReleaseRecord, scan: Document, log: ReleaseLog) -> bool:
        log.begin("deploy")
        if record.source["type"] == "external":
            log.end(f"It runs elsewhere, at {record.source['url']}")
            await self._rollout.finish(record, {}, scan, log)
            return True
        identity = fixed(record.source)
        known = self._known(record, identity) if identity else None
        if known:
            await self._finish(record, *known, scan, log, is_cached=True)
            return True
        self._start(record, log)
        return False

    def _start(self, record: ReleaseRecord, log: ReleaseLog) -> None:
        files = f"{record.server}/{record.id}-{record.attempts}"
        terms, seconds = self._terms, self._terms.minutes * 60
        valid = seconds + QUEUE_SECONDS + _MARGIN_SECONDS
        upload = None
        if record.source["type"] == "upload":
            sha256 = record.source["sha256"]
            if not self._files.has_upload(sha256):
                raise InvalidRequest(
                    f"there is no upload {sha256}; it may have been removed: upload it again"
                )
            upload = self._files.upload(sha256, valid)
        order = BuildOrder(
            server=record.server,
            release=record.id,
            source=record.source,
            file=upload,
            result=self._files.result_place(files, valid),
            bundle=self._files.bundle_place(files, valid),
            report=f"{terms.public_url.rstrip('/')}/_/builds/{record.id}/log",
            key=callbacks.session_key(terms.secret, build_name(record.server, record.id)).hex(),
            seconds=seconds - _MARGIN_SECONDS,
            bundle_bytes=terms.bundle_bytes,
        )
        address = self._files.order(files, order.model_dump_json(by_alias=True).encode(), valid)
        token = hashlib.sha256(files.encode()).hexdigest()[:64]
        build = self._project.start(address, token)
        self._rows.put(BuildRow(record.server, record.id, build, files))
        log.write("deploy", "info", "Waiting for a machine to build on")
        log.flush()

    async def _ended(self, record: ReleaseRecord, row: BuildRow, log: ReleaseLog) -> bool:
        result = _result(self._files.result(row.files))
        if result is None:
            self._fail_without_result(record, self._project.outcome(row.build), log)
            return True
        if result.failed:
            for line in result.failed.details:
                log.write("deploy", "info", line)
            said = result.failed
            self._fail(record, log, "FAILURE", said.message, said.advice, said.details)
            return True
        scan = self._rows.scan(record)
        known = self._known(record, result.identity) if result.identity and result.is_known else None
        if known:
            await self._finish(record, *known, scan, log, is_cached=True)
            return True
        if result.package is None:
            raise InvalidRequest("the build has not said how what it has made is started")
        digest = self._files.keep_bundle(row.files, self._terms.bundle_bytes)
        for identity in {fixed(record.source), result.identity} - {None}:
            assert identity
            self._inputs.keep(record.server, identity, digest, result.package)
        await self._finish(record, digest, result.package, scan, log, is_cached=False)
        return True

    def _known(self, record: ReleaseRecord, identity: str) -> tuple[str, BuiltPackage] | None:
        known = self._inputs.find(record.server, identity)
        return known if known and self._files.has_bundle(known[0]) else None

    async def _finish(
        self,
        record: ReleaseRecord,
        digest: str,
        package: BuiltPackage,
        scan: Document,
        log: ReleaseLog,
        *,
        is_cached: bool,
    ) -> None:
        release = package.release(record.id, record.created_at, digest)
        if not release.config_schema and (schema := record.source.get("configSchema")):
            release = replace(release, config_schema=schema)
        log.end(("Unchanged: " if is_cached else "") + f"bundle {digest[:12]}, {package.reason}")
        noted = replace(
            record, release=release, reason=package.reason, commit=package.commit, is_cached=is_cached
        )
        await self._rollout.finish(self._table.save(noted), package.about(), scan, log)

    async def _guarded(self, record: ReleaseRecord, work: Callable[[ReleaseLog], Awaitable[bool]]) -> None:
        """Work on a release and, if it comes to its end, be done with it."""
        log = ReleaseLog(self._table, record, self._clock)
        is_over = True
        try:
            is_over = await work(log)
        except Cancelled:
            pass
        except MooringError as error:
            self._fail(record, log, "FAILURE", error.message)
        except Exception:
            logger.exception("release failed", server=record.server, release=record.id)
            record = self._table.get(record.server, record.id)  # how far it had come
            self._fail(record, log, "INTERNAL_ERROR", "something went wrong here", _TRY_AGAIN)
        if is_over:
            self._table.leave(record)
        log.flush()

    def _fail_without_result(self, record: ReleaseRecord, outcome: Outcome | None, log: ReleaseLog) -> None:
        status = outcome.status if outcome else ""
        if outcome is None or status == "FAULT":
            self._fail(record, log, "INTERNAL_ERROR", "the machine that built it failed", _TRY_AGAIN)
            return
        lines = self._project.last_lines(outcome, _LAST_LINES)
        for line in lines:
            log.write("deploy", "info", line)
        reasons = {
            "TIMED_OUT": f"the build was not done after {self._terms.minutes} minutes",
            "STOPPED": "the build was stopped",
            "SUCCEEDED": "the build has left no result that can be read",
        }
        message = reasons.get(status, "the build ended early, perhaps for want of memory")
        self._fail(record, log, "FAILURE", message, "Look at its last lines; try it again: retry", lines)

    def _fail(
        self,
        record: ReleaseRecord,
        log: ReleaseLog,
        status: Status,
        message: str,
        advice: str = "",
        details: list[str] | None = None,
    ) -> None:
        log.fail(record.stage, message, advice)
        log.flush()
        error = {"message": message, "advice": advice, "details": details}
        with suppress(Cancelled, InvalidRequest):
            self._table.save(failed(record, status, error))

    def _is_running(self, row: BuildRow) -> bool:
        outcome = self._project.outcome(row.build)
        return outcome is not None and outcome.is_running


def _result(content: bytes | None) -> BuildResult | None:
    """Return what a build says; None: it says nothing that can be read.

    Raises:
        InvalidRequest: it says something that cannot be run.
    """
    if content is None:
        return None
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return None
    try:
        return BuildResult.model_validate_json(content)
    except ValidationError as error:
        found = api_errors.problems(error.errors())
        raise InvalidRequest(f"what was built cannot be started: {api_errors.summary(found)}") from error
