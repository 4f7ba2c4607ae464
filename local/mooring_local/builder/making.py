"""One release, made: built, then scanned and published. Importing this takes a second."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.errors import InvalidRequest, MooringError
from mooring.observability import logger
from mooring.release_log import ReleaseLog
from mooring.release_table import Cancelled, ReleaseTable
from mooring.releases import ReleaseRecord, Status, failed
from mooring.rollouts import Rollout
from mooring.scanning import scan, scan_http
from mooring.sealing import sealer
from mooring.settings import BuilderSettings, Settings, inherited
from mooring.tickets import TicketTable
from mooring.uploads import Uploads
from mooring_local.builder import isolation
from mooring_local.builder.build import PROXIES, Builder, Built
from mooring_local.builder.egress import Egress
from mooring_local.builder.isolation import Limits
from mooring_local.builder.sweeping import Sweep
from mooring_local.home import Home
from mooring_local.packages import BuildFailed


def maker(home: Home, settings: Settings, limits: BuilderSettings, table: ReleaseTable) -> "Maker":
    """Return who makes the releases of a local run."""
    dynamodb = boto3.client("dynamodb")
    rollout = Rollout(
        table,
        Catalog(dynamodb, settings.catalog_table, settings.usage_table),
        CatalogEditor(dynamodb, settings.catalog_table),
        TicketTable(dynamodb, settings.tickets_table, sealer(settings)),
        settings.ws_url,
        scan,
        partial(scan_http, allow_private=settings.allow_private_upstreams),
        kept=settings.releases_kept,
    )
    builder = Builder(
        home.path / "builds",
        home.worker / "bundles",
        home.path / "runtimes",
        Limits(
            limits.build_seconds,
            limits.build_memory_bytes,
            limits.build_disk_bytes,
            limits.build_processes,
        ),
        Egress(limits.build_hosts.split(), next(iter(inherited(PROXIES[:2]).values()), "")),
    )
    if not isolation.is_isolated():
        logger.warning("builds are not isolated: bubblewrap does not work here")
    sweep = Sweep(
        dynamodb,
        (settings.catalog_table, settings.releases_table),
        home.worker / "bundles",
        limits.unused_bundle_days * 86_400,
        uploads=Path(settings.uploads),
    )
    return Maker(table, builder, rollout, Uploads(Path(settings.uploads)), sweep, limits.builds)


class Maker:
    """Builds `at_once` releases at a time; the rest of a release does not count."""

    def __init__(
        self,
        table: ReleaseTable,
        builder: Builder,
        rollout: Rollout,
        uploads: Uploads,
        sweep: Sweep,
        at_once: int,
    ) -> None:
        self._table = table
        self._builder = builder
        self._rollout = rollout
        self._uploads = uploads
        self._sweep = sweep
        self._at_once = asyncio.Semaphore(at_once)

    async def make(self, record: ReleaseRecord, scan: dict[str, Any], log: ReleaseLog) -> None:
        """Take a release in work to its end, whatever that is. Raises Cancelled."""
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
            self._fail(record, log, "FAILURE", error.cause, error.next_step, error.details)
        except MooringError as error:
            self._fail(record, log, "FAILURE", error.message)
        except Exception:
            logger.exception("release failed", server=record.server, release=record.id)
            self._fail(record, log, "INTERNAL_ERROR", "something went wrong here; try it again")
        await self._tidy()

    async def _tidy(self) -> None:
        try:
            await asyncio.to_thread(self._sweep.run_if_due)
        except Exception:  # the release is made, whatever this comes to
            logger.exception("what is not used any more was not removed")

    async def _built(self, record: ReleaseRecord, log: ReleaseLog) -> Built:
        file = None
        if record.source["type"] == "upload":
            file = self._uploads.path(record.source["sha256"])
        if not isolation.is_isolated():
            log.write("deploy", "info", "Without isolation: bubblewrap does not work on this machine")

        def progress(line: str) -> None:
            log.write("deploy", "info", line)

        return await self._builder.build(record.server, record.source, file, progress)

    def _noted(self, record: ReleaseRecord, built: Built, log: ReleaseLog) -> ReleaseRecord:
        package, schema = built.package, record.source.get("configSchema")
        release = package.release(record.id, record.created_at, built.digest)
        if schema and not release.config_schema:
            release = replace(release, config_schema=schema)
        unchanged = "Unchanged: " if built.is_cached else ""
        log.end(f"{unchanged}bundle {built.digest[:12]}, {package.reason}")
        known: dict[str, Any] = {
            "reason": package.reason,
            "commit": package.commit,
            "is_cached": built.is_cached,
        }
        return self._table.save(replace(record, release=release, **known))

    def _fail(
        self,
        record: ReleaseRecord,
        log: ReleaseLog,
        status: Status,
        message: str,
        advice: str = "",
        details: tuple[str, ...] = (),
    ) -> None:
        log.fail(record.stage, message, advice)
        log.flush()
        error = {"message": message, "advice": advice, "details": list(details)}
        with suppress(Cancelled, InvalidRequest):
            self._table.save(failed(record, status, error))
