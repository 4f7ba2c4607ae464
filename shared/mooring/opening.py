"""What `$connect` does once it knows who asks for which server: go on with a session, or start one.

A client that passes `session`, an id of its own, may come back to that session on another connection, and
says with `received` how many of its frames it has.
"""

import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from mooring import observability
from mooring.aws_json import AwsError
from mooring.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    MooringError,
    SessionNotFound,
    WorkerLost,
    WorkerUnavailable,
)
from mooring.microvm_start import MicrovmStart
from mooring.placement import place, reported
from mooring.sessions import Session, SessionTable
from mooring.workers import Worker, WorkerClient, WorkerDead, WorkerTable

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")  # 22 characters of base64url are 128 bits
_NUMBER = re.compile(r"[0-9]{1,15}")
_RETRY_AFTER_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """The session that a connect URL names; the empty id: a session of its own, which ends with it."""

    session_id: str = ""
    received: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read a connect URL's query; raises InvalidRequest."""
        session_id, received = query.get("session", ""), query.get("received", "0")
        if not session_id and "received" not in query and "session" not in query:
            return cls()
        if not _SESSION_ID.fullmatch(session_id):
            raise InvalidRequest("session must be 22 to 64 letters, digits, '_' and '-': 128 bits of chance")
        if not _NUMBER.fullmatch(received):
            raise InvalidRequest("received must be the number of frames received in this session")
        return cls(session_id, int(received))


class Opening:
    """Of one connection, for `principal` to use `server`."""

    def __init__(
        self,
        connection_id: str,
        principal: str,
        server: str,
        wanted: Wanted,
        sessions: SessionTable,
        workers: WorkerClient,
    ) -> None:
        self._connection_id = connection_id
        self._principal = principal
        self._server = server
        self._wanted = wanted
        self._sessions = sessions
        self._workers = workers
        self._lost: Session | None = None

    def resume(self, worker_table: WorkerTable) -> bool:
        """Go on with the session that is wanted; return False if one is to be started.

        Raises:
            Forbidden: the session is another principal's, or of another server.
            SessionNotFound, WorkerLost: frames of it are wanted that nobody has any more.
            WorkerUnavailable: its worker does not answer now; try again.
        """
        wanted = self._wanted
        if not wanted.session_id:
            return False
        held = self._sessions.find(wanted.session_id)
        if held is None:
            return self._give_up(SessionNotFound, "it has ended")
        observability.also(session_id=held.session_id, worker_id=held.worker_id)
        if (held.principal, held.server) != (self._principal, self._server):
            raise Forbidden("this session belongs to another principal or another server")
        try:
            self._workers.attach(held.worker_address, held.session_id, self._connection_id, wanted.received)
        except SessionNotFound as error:
            self._lost = held
            return self._give_up(SessionNotFound, error.message)
        except WorkerUnavailable as error:
            # One that is only slow has the session still: a second child beside it would not be the same.
            if not isinstance(error, WorkerDead) and worker_table.is_alive(held.worker_id):
                raise
            self._lost = held
            return self._give_up(WorkerLost, "its worker is gone")
        self._write(replace(held, connection_id=self._connection_id))
        return True

    def start(
        self,
        worker_table: WorkerTable,
        bundle: str,
        order: dict[str, Any],
        engine: MicrovmStart | None = None,
    ) -> None:
        """Start a session on a worker, or in a MicroVM of `engine`; it may be resumed if the order says so.

        Raises:
            WorkerUnavailable: no worker has room, or another connection is at it: try again.
            LimitReached: `data["limit"]` names the limit that the principal, or the server, has reached.
            InvalidRequest: the launch rule cannot be used.
        """
        is_resumable = order["resume_seconds"] > 0
        session_id = self._wanted.session_id if is_resumable else secrets.token_hex(16)
        observability.also(session_id=session_id)
        workers = worker_table.all()
        order = {
            **order,
            "principal": self._principal,
            "reported": reported(workers, self._principal, self._server, time.time()),
        }
        if engine:
            worker, is_new = engine.run(session_id, order), True
        else:
            worker, is_new = self._place(worker_table, workers, bundle, session_id, order)
        session = Session(
            self._connection_id,
            session_id,
            self._server,
            self._principal,
            worker.worker_id,
            worker.address,
            is_resumable,
        )
        observability.also(worker_id=worker.worker_id)
        try:
            if is_resumable:
                if not is_new:  # by a connection whose opening failed, or is not over
                    self._workers.attach(worker.address, session_id, self._connection_id, 0)
                self._sessions.claim(session, self._lost)
            self._sessions.put(session)
        except Conflict as error:
            winner = self._sessions.find(session_id)
            if winner is None or winner.worker_id != worker.worker_id:
                self._take_back(worker, session_id, engine)
            raise _contested() from error
        except BaseException:
            self._take_back(worker, session_id, engine)  # without its row nobody would
            raise

    def _take_back(self, worker: Worker, session_id: str, engine: MicrovmStart | None) -> None:
        if engine:
            engine.take_back(worker)
        else:
            self._workers.end(worker.address, session_id)

    def _place(
        self,
        worker_table: WorkerTable,
        workers: list[Worker],
        bundle: str,
        session_id: str,
        order: dict[str, Any],
    ) -> tuple[Worker, bool]:
        try:
            return place(workers, bundle, self._workers, session_id, order, read_again=worker_table.read)
        except WorkerUnavailable:
            with suppress(AwsError, OSError):  # the client is told of the other
                worker_table.note_demand()
            raise

    def _give_up(self, kind: type[MooringError], reason: str) -> bool:
        if self._wanted.received:
            raise kind(f"this session cannot be resumed: {reason}; start anew with another session id")
        return False

    def _write(self, session: Session) -> None:
        try:
            self._sessions.refresh(session)
            self._sessions.put(session)
        except BaseException as error:
            # No $disconnect will tell: this connection is not going to open.
            self._workers.detach(session.worker_address, session.session_id, session.connection_id, 0)
            if isinstance(error, Conflict):
                raise _contested() from error
            raise


def _contested() -> WorkerUnavailable:
    return WorkerUnavailable(
        "another connection opens this session; try again", {"retryAfterSeconds": _RETRY_AFTER_SECONDS}
    )
