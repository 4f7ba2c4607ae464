"""Ends what nobody else ends: sessions of dead workers, and sessions whose `$disconnect` never came.

Workers are asked before anything of theirs is ended: a lease may run out because the table did not answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import time

from mooring.connections import Connections
from mooring.errors import MooringError, SessionNotFound
from mooring.farewells import Farewells
from mooring.microvms import Door
from mooring.observability import logger, metrics
from mooring.session_rows import SessionRow, SessionRows
from mooring.sessions import Session
from mooring.workers import Worker, WorkerClient, WorkerTable

STALE_SECONDS = 60.0  # a younger row's $disconnect, or the start of its session, may still be under way

_PARALLEL = 16  # calls of API Gateway, some milliseconds each


class Reaper:
    def __init__(
        self,
        rows: SessionRows,
        worker_table: WorkerTable,
        workers: WorkerClient,
        connections: Connections,
        farewells: Farewells,
    ) -> None:
        self._rows = rows
        self._worker_table = worker_table
        self._workers = workers
        self._connections = connections
        self._farewells = farewells

    def sweep(self) -> None:
        """Look at every session and every worker, once."""
        of_worker: defaultdict[str, list[SessionRow]] = defaultdict(list)
        for row in self._rows.all():  # before the workers: each worker announces itself before its sessions
            if not Door.read(row.session.worker_address):  # MicroVMs have a reaper of their own
                of_worker[row.session.worker_id].append(row)
        announced = {worker.worker_id: worker for worker in self._workers_of_pool()}
        for worker_id in of_worker.keys() | announced.keys():
            self._look_at(worker_id, announced.get(worker_id), of_worker.get(worker_id, []))

    def bury_lapsed(self) -> None:
        """Look only for workers whose lease has run out; cheap while there are none."""
        now = time()
        if any(worker.lease <= now for worker in self._workers_of_pool()):
            self.sweep()

    def free_slots(self) -> int:
        """Return how many sessions more the workers of the pool take now."""
        now = time()
        open_ones = (worker for worker in self._workers_of_pool() if worker.takes_sessions(now))
        return sum(worker.capacity - worker.used for worker in open_ones)

    def bury(self, worker_id: str) -> None:
        """End all that is left of a worker that is known to be dead."""
        self._tell(row for row in self._rows.all() if row.session.worker_id == worker_id)
        self._worker_table.forget(worker_id)

    def bury_connections(self) -> None:
        """Do what $disconnect was to do for every connection: none is left, and none is being opened.

        Ends as well what a $connect that was cut off has left: a session without a row, a row without one.
        """
        rows = list(self._rows.all())
        named = frozenset(row.session.session_id for row in rows)
        addresses = {row.session.worker_address for row in rows}
        for address in addresses | {worker.address for worker in self._worker_table.all()}:
            try:
                living = self._workers.sessions(address)
                self._let_go([row for row in rows if row.session.worker_address == address], living)
                for session_id in living - named:
                    self._workers.end(address, session_id)
            except MooringError:
                logger.warning("worker not told that its clients are gone")  # who buries it tells them
        logger.info("connections buried", rows=len(rows))

    def _workers_of_pool(self) -> list[Worker]:
        return [worker for worker in self._worker_table.all() if not worker.is_microvm]

    def _look_at(self, worker_id: str, worker: Worker | None, rows: list[SessionRow]) -> None:
        is_leased = worker is not None and worker.lease > time()
        old = [row for row in rows if row.age_seconds > STALE_SECONDS]
        if is_leased and not old:
            return
        address = worker.address if worker else rows[0].session.worker_address
        try:
            living = self._workers.sessions(address)
        except MooringError:
            if not is_leased:
                logger.warning("worker is dead", worker_id=worker_id, rows=len(rows))
                if worker:  # one that took its row away has said farewell, whatever it left
                    metrics.put(WorkersLost=1)
                self._tell(rows)
                self._worker_table.forget(worker_id)
            return
        # Whoever answers without knowing a session of the dead has inherited the address.
        ended = [row for row in (old if is_leased else rows) if row.session.session_id not in living]
        self._tell(ended, SessionNotFound("the session has ended; connect again for another"))
        self._end_abandoned([row for row in old if row.session.session_id in living and row.is_connection])

    def _tell(self, rows: Iterable[SessionRow], error: MooringError | None = None) -> None:
        def tell(row: SessionRow) -> None:
            if row.is_connection:
                self._farewells.tell_worker_lost(row.session, error)
            else:
                self._rows.forget_session(row.session)

        _each(tell, rows)

    def _end_abandoned(self, rows: Iterable[SessionRow]) -> None:
        """Do for connections that are gone what their $disconnect was to do."""

        def end(row: SessionRow) -> None:
            session = row.session
            if self._connections.is_open(session.connection_id):
                return
            self._disconnect(session)
            logger.info("abandoned connection", session_id=session.session_id, worker_id=session.worker_id)

        _each(end, rows)

    def _let_go(self, rows: Iterable[SessionRow], living: frozenset[str]) -> None:
        def let_go(row: SessionRow) -> None:
            if row.is_connection:
                self._disconnect(row.session)
            elif row.session.session_id in living:
                self._detach(row.session)  # the connection that it names may have no row yet
            else:
                self._rows.forget_session(row.session)

        _each(let_go, rows)

    def _disconnect(self, session: Session) -> None:
        self._detach(session)
        self._rows.claim(session.connection_id, session.worker_id)

    def _detach(self, session: Session) -> None:
        self._workers.detach(session.worker_address, session.session_id, session.connection_id, 0)


def _each(act: Callable[[SessionRow], None], rows: Iterable[SessionRow]) -> None:
    """Act on all rows; what fails is tried again at the next sweep."""

    def safely(row: SessionRow) -> None:
        try:
            act(row)
        except MooringError as error:
            logger.warning("row not reaped", session_id=row.session.session_id, error=type(error).__name__)

    with ThreadPoolExecutor(_PARALLEL) as pool:
        list(pool.map(safely, rows))
