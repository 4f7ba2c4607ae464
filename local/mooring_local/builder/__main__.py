"""The builder's process: `python -m mooring_local.builder <home>`. Its variables are the functions'.

It ends when its standard input closes, or on SIGTERM. What it was building then is begun anew by the next.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import boto3

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.observability import logger
from mooring.release_table import ReleaseTable
from mooring.rollouts import Rollout
from mooring.scanning import scan, scan_http
from mooring.sealing import sealer
from mooring.settings import BuilderSettings, Settings
from mooring.tickets import TicketTable
from mooring.uploads import Uploads
from mooring_local.builder import isolation
from mooring_local.builder.build import Builder
from mooring_local.builder.isolation import Limits
from mooring_local.builder.queue import Queue
from mooring_local.home import Home


def main() -> None:
    asyncio.run(_run(Home(Path(sys.argv[1]))))


async def _run(home: Home) -> None:
    settings, limits = Settings.read(), BuilderSettings.read()
    logger.setLevel(settings.log_level)
    dynamodb, seal = boto3.client("dynamodb"), sealer(settings)
    table = ReleaseTable(dynamodb, settings.releases_table, seal)
    rollout = Rollout(
        table,
        Catalog(dynamodb, settings.catalog_table, settings.usage_table),
        CatalogEditor(dynamodb, settings.catalog_table),
        TicketTable(dynamodb, settings.tickets_table, seal),
        settings.ws_url,
        scan,
        scan_http,
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
    )
    if not isolation.is_isolated():
        logger.warning("builds are not isolated: bubblewrap does not work here")
    queue = Queue(table, builder, rollout, Uploads(Path(settings.uploads)), limits.builds)
    working = asyncio.create_task(queue.work())
    await _end()
    working.cancel()
    await asyncio.wait({working})


async def _end() -> None:
    """Return when this process is to end."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, ended.set)

    class Input(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            ended.set()

    await loop.connect_read_pipe(Input, os.fdopen(os.dup(0), "rb", buffering=0))
    await ended.wait()


if __name__ == "__main__":
    main()
