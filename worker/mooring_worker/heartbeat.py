"""What the worker tells the platform: its row in the Workers table, uses of servers, requests that last."""

import asyncio
import logging
import time
from contextlib import suppress

from mooring.limits import encode
from mooring.settings import WorkerSettings
from mooring_worker.agent import Agent
from mooring_worker.dynamodb import DynamoDBError, Item, RowMissing, Table
from mooring_worker.figures import Figures
from mooring_worker.long_requests import LongRequests

_ROW_SECONDS = 3600  # DynamoDB deletes expired rows within days; the lease is what counts

_logger = logging.getLogger(__name__)


class Heartbeat:
    """`address` is where callers reach the worker."""

    def __init__(self, agent: Agent, table: Table, settings: WorkerSettings, address: str) -> None:
        self._agent = agent
        self._table = table
        self._settings = settings
        self._address = address
        self._started_at = time.time()
        self._long_requests = LongRequests()
        self._figures = Figures(agent, settings)

    async def run(self) -> None:
        """Beat for ever: in its rhythm, and at once when the agent's state changed for placement."""
        while True:
            self._figures.tell_if_due()  # first: a beat may wait for the table
            await self.beat()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.heartbeat_seconds):
                    await self._agent.changed.wait()

    async def beat(self) -> None:
        """Write the row, report uses and requests that last. What fails is tried again at the next beat."""
        self._agent.changed.clear()
        try:
            await self._table.put(self._settings.workers_table, self._row())
            await self._report_uses()
            await self._report_long_requests()
        except DynamoDBError as error:
            _logger.warning("heartbeat failed", extra={"detail": str(error)})

    async def stop(self) -> None:
        """Report the last uses and figures, and take the row away."""
        self._figures.tell_last()
        try:
            await self._table.delete(
                self._settings.workers_table, {"worker_id": {"S": self._settings.worker_id}}
            )
            await self._report_uses()
        except DynamoDBError as error:
            _logger.warning("last heartbeat failed", extra={"detail": str(error)})

    def _row(self) -> Item:
        now = time.time()
        # An entry takes 20 to 40 bytes. Up to some twenty of them the row is one write unit, as it would be
        # without; with 200 principals and 200 servers (a full worker, nothing shared) it has about 12 KB, and
        # a beat every two seconds comes to 10 USD a month. Quotas reports no more than 256 KB in any case.
        uses = {f"{scope}s": {"S": encode(found)} for scope, found in self._agent.uses().items()}
        return {
            **uses,
            "worker_id": {"S": self._settings.worker_id},
            "address": {"S": self._address},
            "version": {"S": self._settings.worker_version},
            "engine": {"S": self._settings.engine},
            "used": {"N": str(self._agent.used)},
            "capacity": {"N": str(self._agent.capacity)},
            "draining": {"BOOL": self._agent.is_draining},
            "lease": {"N": f"{now + self._settings.lease_seconds:.3f}"},
            "started_at": {"N": f"{self._started_at:.3f}"},
            "expires_at": {"N": str(int(now) + _ROW_SECONDS)},
        }

    async def _report_uses(self) -> None:
        """A count leaves once it was written; one whose answer was lost is written twice."""
        uses = self._agent.counts.uses
        for server, count in list(uses.items()):
            await self._table.add(self._settings.usage_table, {"server": {"S": server}}, "use_count", count)
            uses[server] -= count
            if not uses[server]:
                del uses[server]

    async def _report_long_requests(self) -> None:
        """Write into connections' rows whom to answer if this worker does not live to do it."""
        in_flight = dict(session.requests_in_flight() for session in self._agent)
        for connection, ids in self._long_requests.changes(in_flight):
            with suppress(RowMissing):  # $connect has not written it yet, or $disconnect has deleted it
                await self._table.set_texts(
                    self._settings.sessions_table, {"id": {"S": connection}}, "in_flight", ids
                )
                self._long_requests.wrote(connection, ids)
