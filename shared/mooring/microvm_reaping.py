"""Looks after MicroVMs as `reaping` does after workers, without waking one: a call would resume it.

A MicroVM has no heartbeat. Its row stays until its session is over, and AWS is asked whether it still is.
"""

from collections import defaultdict
from collections.abc import Callable
from time import monotonic, time

from mooring.connections import Connections
from mooring.errors import MooringError
from mooring.farewells import Farewells
from mooring.microvms import Door, Microvms
from mooring.observability import logger
from mooring.session_rows import SessionRow, SessionRows
from mooring.workers import Worker, WorkerClient, WorkerTable

_STALE_SECONDS = 60.0  # as for workers: a younger one's $connect may still be under way
_WAKE_SECONDS = 20.0  # a third of the shortest idle time that AWS takes


class MicrovmReaper:
    def __init__(
        self,
        rows: SessionRows,
        worker_table: WorkerTable,
        workers: WorkerClient,
        connections: Connections,
        farewells: Farewells,
        microvms: Microvms,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._rows = rows
        self._worker_table = worker_table
        self._workers = workers
        self._connections = connections
        self._farewells = farewells
        self._microvms = microvms
        self._clock = clock
        self._woken_at = float("-inf")

    def sweep(self) -> None:
        """Terminate each MicroVM whose session is over, and end the sessions of those that are gone."""
        rows, machines = self._sessions(), {one.worker_id: one for one in self._microvm_rows()}
        for microvm_id in rows.keys() | machines.keys():
            try:
                self._look_at(microvm_id, machines.get(microvm_id), rows.get(microvm_id, []))
            except MooringError as error:  # tried again at the next sweep
                logger.warning("microvm not reaped", worker_id=microvm_id, error=type(error).__name__)

    def keep_awake(self) -> None:
        """Call those whose sessions have requests in flight: AWS takes one that nobody calls for idle.

        Does so every 20 seconds, however often it is called.
        """
        if self._clock() - self._woken_at < _WAKE_SECONDS:
            return
        self._woken_at = self._clock()
        if not any(self._microvm_rows()):
            return
        doors = {row.session.worker_address for row in self._rows.all() if row.has_requests}
        for door in filter(None, map(Door.read, doors)):
            self._microvms.wake(door)

    def _look_at(self, microvm_id: str, machine: Worker | None, rows: list[SessionRow]) -> None:
        if self._microvms.is_gone(microvm_id):
            logger.warning("microvm is gone", worker_id=microvm_id, rows=len(rows))
            for row in rows:
                self._bury(row)
            self._worker_table.forget(microvm_id)
        elif rows:
            for row in rows:
                if row.is_connection and row.age_seconds > _STALE_SECONDS:
                    self._end_abandoned(row)
        elif machine and machine.age_seconds(time()) > _STALE_SECONDS:
            logger.info("microvm without a session", worker_id=microvm_id)
            if self._microvms.terminate(microvm_id):
                self._worker_table.forget(microvm_id)

    def _bury(self, row: SessionRow) -> None:
        if row.is_connection:
            self._farewells.tell_worker_lost(row.session)
        else:
            self._rows.forget_session(row.session)

    def _end_abandoned(self, row: SessionRow) -> None:
        """Do for a connection that is gone what its $disconnect was to do."""
        session = row.session
        if self._connections.is_open(session.connection_id):
            return
        self._workers.detach(session.worker_address, session.session_id, session.connection_id, 0)
        self._rows.claim(session.connection_id, session.worker_id)
        logger.info("abandoned connection", session_id=session.session_id, worker_id=session.worker_id)

    def _sessions(self) -> dict[str, list[SessionRow]]:
        found: defaultdict[str, list[SessionRow]] = defaultdict(list)
        for row in self._rows.all():
            if Door.read(row.session.worker_address):
                found[row.session.worker_id].append(row)
        return found

    def _microvm_rows(self) -> list[Worker]:
        return [worker for worker in self._worker_table.all() if worker.is_microvm]
