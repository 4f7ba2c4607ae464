"""The last words to a client whose worker is gone: nothing may hang, and it may connect again at once."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mooring import jsonrpc, ledger
from mooring.connections import Connections
from mooring.errors import ConnectionGone, MooringError, WorkerUnavailable
from mooring.observability import logger
from mooring.session_rows import SessionRows
from mooring.sessions import Session

_TRIES = 4
_PAUSE_SECONDS = 0.1

WORKER_LOST = "the worker of this session is gone; connect again for another session"


class Farewells:
    """`ledgers` is the folder of the workers' ledgers where they run on this machine, else empty or None."""

    def __init__(
        self, rows: SessionRows, connections: Connections, ledgers: Path | str | None = None
    ) -> None:
        self._rows = rows
        self._connections = connections
        self._ledgers = Path(ledgers) if ledgers else None

    def tell_worker_lost(
        self, session: Session, error: MooringError | None = None, *, refused: Sequence[str] = ()
    ) -> bool:
        """Answer every request known to be in flight, say why, and close the connection.

        `refused` are the ids (JSON text) of requests that the worker did not take any more. The rows go
        first: so only one caller answers, and a client that comes back meets no dead worker. Return False
        when another caller does it, or has done it.
        """
        written = self._rows.claim(session.connection_id, session.worker_id)
        if written is None:
            return False
        self._rows.forget_session(session)
        error = error or WorkerUnavailable(WORKER_LOST)
        ids = dict.fromkeys([*self._in_flight(session, written), *refused])
        frames = [jsonrpc.error_frame(id_text, error.as_jsonrpc()) for id_text in ids]
        frames.append(jsonrpc.log_frame("warning", error.message))
        self._deliver(session.connection_id, frames)
        return True

    def _deliver(self, connection_id: str, frames: Sequence[str]) -> None:
        """Send the last frames of a connection and close it."""
        try:
            for frame in frames:
                _insist(partial(self._connections.post, connection_id, frame))
            _insist(partial(self._connections.close, connection_id))
        except ConnectionGone:
            logger.info("client left before its worker", connection_id=connection_id)
        except MooringError:
            logger.warning("client not told of its lost worker", connection_id=connection_id)
        else:
            logger.info("client told of its lost worker", connection_id=connection_id, frames=len(frames))

    def _in_flight(self, session: Session, written: list[str]) -> list[str]:
        if self._ledgers is None:
            return written
        return ledger.read(self._ledgers / session.worker_id).get(session.session_id, [])


def _insist(call: Callable[[], None]) -> None:
    for _ in range(_TRIES - 1):
        try:
            return call()
        except WorkerUnavailable:  # throttled, or no answer
            time.sleep(_PAUSE_SECONDS)
    return call()
