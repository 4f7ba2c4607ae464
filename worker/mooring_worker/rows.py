"""The rows by which clients find a session that may be resumed; it takes them away when it ends."""

import asyncio
import logging
from contextlib import suppress

from mooring.settings import WorkerSettings
from mooring_worker.dynamodb import DynamoDBError, RowMissing, Table

_PAUSES_SECONDS = (0.2, 1.0, 0.0)  # after each attempt; a row that stays has a lifetime

_logger = logging.getLogger(__name__)


class Rows:
    """Those of this worker: a client that started anew elsewhere has written over them."""

    def __init__(self, table: Table, settings: WorkerSettings) -> None:
        self._table = table
        self._name = settings.sessions_table
        self._worker_id = settings.worker_id

    async def forget(self, session_id: str, connection: str) -> None:
        """Delete the row of a session and that of its last connection."""
        for key in (f"session#{session_id}", connection):
            await self._forget(key)

    async def _forget(self, key: str) -> None:
        for pause_seconds in _PAUSES_SECONDS:
            try:
                with suppress(RowMissing):
                    await self._table.delete_own(self._name, {"id": {"S": key}}, "worker_id", self._worker_id)
                return
            except DynamoDBError as error:
                _logger.warning("row not deleted", extra={"detail": str(error)})
                await asyncio.sleep(pause_seconds)
