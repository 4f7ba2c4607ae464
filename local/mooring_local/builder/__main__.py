"""The builder's process: `python -m mooring_local.builder <home>`. Its variables are the functions'.

It ends when its standard input closes, or on SIGTERM. What it was building then is begun anew by the next.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mooring.dynamodb_client import DynamoDBClient
from mooring.observability import logger
from mooring.release_table import ReleaseTable
from mooring.sealing import sealer
from mooring.settings import AwsSettings, BuilderSettings, Settings
from mooring_local.builder.queue import Queue
from mooring_local.home import Home

if TYPE_CHECKING:
    from mooring_local.builder.making import Maker

_NICE = 10  # sessions come first


def main() -> None:
    os.nice(_NICE)
    asyncio.run(_run(Home(Path(sys.argv[1]))))


async def _run(home: Home) -> None:
    settings, limits = Settings.read(), BuilderSettings.read()
    logger.setLevel(settings.log_level)
    client = DynamoDBClient(AwsSettings.read())
    table = ReleaseTable(client, settings.releases_table, sealer(settings))

    def load() -> "Maker":
        from mooring_local.builder import making  # most of the time nobody deploys anything

        return making.maker(home, settings, limits, table)

    working = asyncio.create_task(Queue(table, load).work())
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
