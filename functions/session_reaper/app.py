"""Every minute: end sessions of dead workers, and sessions whose $disconnect never came; scale the pool.

EventBridge's shortest rate is a minute, and clients of a dead worker are to know within two seconds of its
lease's end: so each call goes on looking at leases until the next one is due.
"""

import time
from pathlib import Path
from typing import Any

from mooring.connections import Connections
from mooring.dynamodb_client import DynamoDBClient
from mooring.farewells import Farewells
from mooring.microvm_reaping import MicrovmReaper
from mooring.microvms import Microvms
from mooring.observability import configure, logger, metrics
from mooring.pool import Pool
from mooring.reaping import Reaper
from mooring.session_rows import SessionRows
from mooring.settings import AwsSettings, Settings
from mooring.workers import WorkerClient, WorkerTable

_LOOK_SECONDS = 1.0
_LOOKS_PER_SCALING = 5
_MARGIN_MILLISECONDS = 10_000  # for the last look to end within the function's time
_WORKER_TIMEOUT_SECONDS = 1.0

settings = Settings.read()
configure(settings)
aws = AwsSettings.read()
dynamodb = DynamoDBClient(aws)
rows = SessionRows(dynamodb, settings.sessions_table)
connections = Connections(settings.connections_url, aws)
worker_table = WorkerTable(dynamodb, settings.workers_table, fresh_seconds=0)
workers = WorkerClient(settings.worker_secret, timeout_seconds=_WORKER_TIMEOUT_SECONDS)
pool = Pool(settings, aws, worker_table, workers) if settings.pool_service else None
farewells = Farewells(rows, connections, Path(settings.ledgers) if settings.ledgers else None)
reaper = Reaper(rows, worker_table, workers, connections, farewells)
microvms = Microvms.configured(settings, aws)
microvm_reaper = (
    MicrovmReaper(
        rows,
        worker_table,
        WorkerClient(settings.worker_secret, microvms=microvms),
        connections,
        farewells,
        microvms,
    )
    if microvms
    else None
)


def handler(event: dict[str, Any], context: Any) -> None:
    try:
        reaper.sweep()
        metrics.put(FreeSlots=reaper.free_slots())
        if microvm_reaper:
            microvm_reaper.sweep()
        looks = 0
        while context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS:
            if pool and looks % _LOOKS_PER_SCALING == 0:
                pool.tend()
            looks += 1
            time.sleep(_LOOK_SECONDS)
            reaper.bury_lapsed()
            if microvm_reaper:
                microvm_reaper.keep_awake()
    except Exception:
        logger.exception("sweep not finished")
        raise  # so that the function counts as failed; EventBridge calls again in any case
