"""The sessions of this worker: how many there may be, and what starts and ends them all."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mooring.errors import InvalidRequest, LimitReached, SessionNotFound
from mooring.ledger import Ledger
from mooring.limits import Scope, Use
from mooring.settings import WorkerSettings
from mooring_worker.bundles import Bundles
from mooring_worker.connections import Connections
from mooring_worker.metrics import Counts
from mooring_worker.order import Order
from mooring_worker.orphans import Orphans
from mooring_worker.quotas import Key, Quotas
from mooring_worker.rows import Rows
from mooring_worker.sandbox import Sandboxes
from mooring_worker.session import Session, State
from mooring_worker.session_logs import EndedSessions, SessionLog

_SESSION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_=-]{0,127}")  # also the name of a folder

_logger = logging.getLogger(__name__)


class Agent:
    def __init__(
        self, settings: WorkerSettings, connections: Connections, orphans: Orphans, rows: Rows
    ) -> None:
        self.counts = Counts()
        self.is_draining = False
        self.changed = asyncio.Event()
        """Set when the worker became full, stopped being full, or began to drain."""
        self._settings = settings
        self._connections = connections
        self._orphans = orphans
        self._rows = rows
        self._sandboxes = Sandboxes(settings)
        orphans.watch(self._sandboxes.uids)
        self._ledger_file = Path(settings.home).resolve() / "ledgers" / settings.worker_id
        self._ledger_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ledger = Ledger(self._ledger_file)
        self._bundles = Bundles(settings)
        self._sessions: dict[str, Session] = {}
        self._quotas = Quotas(settings.worker_id)
        self._starting: set[asyncio.Task[None]] = set()
        self._ended = EndedSessions()
        self._empty = asyncio.Event()
        self._empty.set()
        self._was_full = False

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def used(self) -> int:
        """Sessions that take a slot. One whose child has exited takes none."""
        return sum(session.state is not State.EXITED for session in self)

    @property
    def child_uids(self) -> range:
        """Of the users that sessions have, each its own; empty: they run under the worker's."""
        return self._sandboxes.uids

    @property
    def capacity(self) -> int:
        return self._settings.capacity

    @property
    def takes_sessions(self) -> bool:
        return not self.is_draining and self.used < self.capacity

    async def start(self, session_id: str, body: bytes) -> bool:
        """Start the session that `body` orders; return False when there is one of this id already.

        A child whose bundle is to be fetched is started afterwards; the session takes frames until then.

        Raises:
            LimitReached: the worker is full or draining; or, with `limit` in its `data`, the principal or the
                server has as much as it may have.
            InvalidRequest: the order cannot be carried out by any worker.
        """
        if not _SESSION_ID.fullmatch(session_id):
            raise InvalidRequest("the session id must be 1 to 128 letters, digits, '_', '-' and '='")
        while session := self._sessions.get(session_id):
            if session.state is not State.CLOSING:
                return False
            await asyncio.wait([session.end_soon()])  # a client starts anew under the id it knows
        directory = self._sandboxes.folder / session_id
        order = Order.read(body, self._bundles.folder, directory, self._settings.session_idle_seconds)
        if not self.takes_sessions:
            raise LimitReached("the worker is draining" if self.is_draining else "the worker is full")
        now = asyncio.get_running_loop().time()
        self._quotas.check(order.parties, self._live(), now)
        fetch = self._bundles.fetch(order.bundle, order.bundle_url)
        session = Session(
            session_id,
            order,
            self._sandboxes.create(session_id),
            connections=self._connections,
            orphans=self._orphans,
            counts=self.counts,
            settings=self._settings,
            rows=self._rows,
            ledger=self._ledger,
            pace=self._quotas.start(order.parties, now),
            on_change=self._note_change,
            on_gone=self._on_gone,
        )
        self._sessions[session_id] = session
        self._empty.clear()
        self._note_change()
        self._bundles.hold(order.bundle)
        starting = asyncio.create_task(session.start(order.launch, fetch))
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        if fetch is None:
            # Shielded: a caller that hangs up must not leave a child that nobody watches.
            await asyncio.shield(starting)
        return True

    def uses(self) -> dict[Scope, dict[str, Use]]:
        """Return what each principal, and each server, uses of this worker."""
        return self._quotas.uses(self._live(), asyncio.get_running_loop().time())

    def get(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            SessionNotFound: there is none of this id.
        """
        try:
            return self._sessions[session_id]
        except KeyError:
            raise SessionNotFound("the session has ended; connect again to start another") from None

    def logs(self) -> Iterator[SessionLog]:
        """Return what the children of the sessions printed, and those of sessions that have just ended."""
        yield from self._ended
        yield from (SessionLog(session.session_id, session.server, session.log) for session in self)

    def end(self, session_id: str) -> None:
        """Begin to end a session; an unknown one is no error."""
        if session := self._sessions.get(session_id):
            session.end_soon()

    def detach(self, session_id: str, connection: str, close_code: int) -> None:
        """Note that a connection is closed; an unknown session is no error."""
        if session := self._sessions.get(session_id):
            session.detach(connection, close_code)

    def drain(self, reason: str = "") -> None:
        """Take no more sessions. A `reason` is told to the clients, and ends what nothing is in flight in."""
        self.is_draining = True
        self.changed.set()
        if reason:
            for session in self:
                session.drain(reason)

    async def emptied(self, seconds: float) -> bool:
        """Return whether the last session ends within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, reason: str) -> None:
        """End every session and tell its client `reason`."""
        self.drain()
        if self._sessions:
            await asyncio.wait([session.end_soon(reason) for session in self])
        await self._bundles.end()
        self._ledger_file.unlink(missing_ok=True)

    def _live(self) -> Counter[Key]:
        """Count the sessions that have a child and are not being ended, by whom they count for."""
        live = (session for session in self if session.state in (State.STARTING, State.RUNNING))
        return Counter(key for session in live for key in session.counts_for)

    def _on_gone(self, session: Session) -> None:
        del self._sessions[session.session_id]
        self._bundles.let_go(session.bundle)
        self._ended.keep(SessionLog(session.session_id, session.server, session.log))
        if not self._sessions:
            self._empty.set()
        self._note_change()

    def _note_change(self) -> None:
        is_full = self.used >= self.capacity
        if is_full != self._was_full:
            self._was_full = is_full
            self.changed.set()
