"""Every minute: end sessions of dead workers, and sessions whose $disconnect never came.

EventBridge's shortest rate is a minute, and clients of a dead worker are to know within two seconds of its
lease's end: so each call goes on looking at leases until the next one is due.
"""

import time
from pathlib import Path
from typing import Any

from mooring.connections import Connections
from mooring.dynamodb_client import DynamoDBClient
from mooring.farewells import Farewells
from mooring.observability import configure, logger, metrics
from mooring.reaping import Reaper
from mooring.session_rows import SessionRows
from mooring.settings import AwsSettings, Settings
from mooring.workers import WorkerClient, WorkerTable

_LOOK_SECONDS = 1.0
_MARGIN_MILLISECONDS = 10_000  # for the last look to end within the function's time
_WORKER_TIMEOUT_SECONDS = 1.0

settings = Settings.read()
configure(settings)
aws = AwsSettings.read()
dynamodb = DynamoDBClient(aws)
rows = SessionRows(dynamodb, settings.sessions_table)
connections = Connections(settings.connections_url, aws)
reaper = Reaper(
    rows,
    WorkerTable(dynamodb, settings.workers_table, fresh_seconds=0),
    WorkerClient(settings.worker_secret, timeout_seconds=_WORKER_TIMEOUT_SECONDS),
    connections,
    Farewells(rows, connections, Path(settings.ledgers) if settings.ledgers else None),
)


def handler(event: dict[str, Any], context: Any) -> None:
    try:
        reaper.sweep()
        metrics.put(FreeSlots=reaper.free_slots())
        while context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS:
            time.sleep(_LOOK_SECONDS)
            reaper.bury_lapsed()
    except Exception:
        logger.exception("sweep not finished")
        raise  # so that the function counts as failed; EventBridge calls again in any case
