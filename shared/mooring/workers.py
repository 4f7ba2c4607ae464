"""Which workers there are, and the calls to a worker.

Workers announce themselves: each writes its own row every few seconds, with a lease. Placement reads
those rows and asks; the worker alone knows whether it has room, so no counter is shared and none leaks.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from mooring.errors import (
    InvalidRequest,
    LimitReached,
    MooringError,
    SessionNotFound,
    WorkerUnavailable,
    from_jsonrpc,
)
from mooring.limits import SCOPES, Scope, Uses, decode
from mooring.microvms import Door, Gone, Microvms
from mooring.origin import Origin

_ROWS_FRESH_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 2
_DEMAND = "#demand"  # no worker's id: those are letters, digits and dashes
_MARK_SECONDS = 3600


class WorkerSilent(WorkerUnavailable):
    """The worker does not answer: what it was sent may have arrived, or not."""


class WorkerDead(WorkerSilent):
    """Nobody listens where the worker was."""


@dataclass(frozen=True, slots=True)
class Worker:
    worker_id: str
    address: str
    """`http://host:port`."""
    used: int
    capacity: int
    lease: float
    """Until when it counts as alive, in seconds since the epoch."""
    draining: bool
    engine: str = "process"
    version: str = ""
    """What it was started as: `family:revision` of its task definition; empty where there is none."""
    uses: Mapping[Scope, Uses] = field(default_factory=dict, compare=False)
    """What each principal, and each server, uses of it, as of its last heartbeat."""
    session_id: str = ""
    """Of a MicroVM, which has one; `server` is that session's, `started_at` in seconds since the epoch."""
    server: str = ""
    started_at: float = 0.0

    @property
    def is_microvm(self) -> bool:
        """It takes no other session, and a call would wake it."""
        return bool(self.session_id)

    def age_seconds(self, now: float) -> float:
        return now - self.started_at

    def takes_sessions(self, now: float) -> bool:
        return self.lease > now and not self.draining and self.used < self.capacity


class WorkerTable:
    def __init__(self, client: Any, table: str, *, fresh_seconds: float = _ROWS_FRESH_SECONDS) -> None:
        self._client = client
        self._table = table
        self._fresh_seconds = fresh_seconds
        self._rows: list[Worker] = []
        self._read_at = float("-inf")
        self.demand_at = float("-inf")
        """When somebody last found no worker, in seconds since the epoch, as of the last reading."""

    def all(self) -> list[Worker]:
        """Return every announced worker, dead ones included, at most `fresh_seconds` old."""
        return self._rows if time.monotonic() - self._read_at < self._fresh_seconds else self.read()

    def read(self) -> list[Worker]:
        """Return every announced worker, dead ones included, as the table has them now."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        items = {item["worker_id"]["S"]: item for page in pages for item in page["Items"]}
        if mark := items.pop(_DEMAND, None):
            self.demand_at = float(mark["wanted_at"]["N"])
        self._rows = [worker_from(item) for item in items.values()]
        self._read_at = time.monotonic()
        return self._rows

    def note_demand(self) -> None:
        """Leave a mark that somebody found no worker, for who scales the pool."""
        now = time.time()
        item = {
            "worker_id": {"S": _DEMAND},
            "wanted_at": {"N": f"{now:.3f}"},
            "expires_at": {"N": str(int(now) + _MARK_SECONDS)},
        }
        self._client.put_item(TableName=self._table, Item=item)

    def is_alive(self, worker_id: str) -> bool:
        """Return whether a worker's lease runs still."""
        return any(row.worker_id == worker_id and row.lease > time.time() for row in self.all())

    def forget(self, worker_id: str) -> None:
        """Delete the row of a worker; one that lives writes it again at its next beat."""
        self._client.delete_item(TableName=self._table, Key={"worker_id": {"S": worker_id}})


def worker_from(item: dict[str, Any]) -> Worker:
    return Worker(
        worker_id=item["worker_id"]["S"],
        address=item["address"]["S"],
        used=int(item["used"]["N"]),
        capacity=int(item["capacity"]["N"]),
        lease=float(item["lease"]["N"]),
        draining=item["draining"]["BOOL"],
        engine=item.get("engine", {}).get("S", "process"),
        version=item.get("version", {}).get("S", ""),
        uses={scope: decode(item[f"{scope}s"]["S"]) for scope in SCOPES if f"{scope}s" in item},
        session_id=item.get("session_id", {}).get("S", ""),
        server=item.get("server", {}).get("S", ""),
        started_at=float(item.get("started_at", {}).get("N", 0)),
    )


class WorkerClient:
    """Calls to workers, by address. `secret` is what those of the pool know us by."""

    def __init__(
        self, secret: str, *, timeout_seconds: float = 8.0, microvms: Microvms | None = None
    ) -> None:
        self._microvms = microvms
        self._headers = {"authorization": f"Bearer {secret}"}
        self._timeout_seconds = timeout_seconds  # ends before the function's own 10 s
        self._origins: dict[str, Origin] = {}

    def start(self, address: str, session_id: str, order: dict[str, Any]) -> bool:
        """Have a session started; return False when there is one of this id already.

        Raises:
            LimitReached: the worker is full or draining; or `data` names the limit that the principal, or the
                server, has reached on all workers.
            InvalidRequest: its launch rule cannot be used.
            WorkerUnavailable: the worker does not answer.
        """
        body = json.dumps(order).encode()
        status, answer = self._call(address, "PUT", f"/sessions/{session_id}", body)
        if status in (200, 201):
            return status == 201
        error = _error(status, answer)
        raise InvalidRequest(error.message, error.data) if status == 422 else error

    def send(self, address: str, session_id: str, frame: str, message_id: str, connection_id: str) -> None:
        """Hand one frame to the session.

        Raises:
            MooringError: the error that its requests are to be answered with.
        """
        target = f"/sessions/{session_id}/frames"
        origin = {"x-message-id": message_id, "x-connection-id": connection_id}
        status, answer = self._call(address, "POST", target, frame.encode(), origin)
        if status != 202:
            raise _error(status, answer)

    def attach(self, address: str, session_id: str, connection_id: str, received: int) -> None:
        """Have a session go on with another connection, whose client has `received` frames of it.

        Raises:
            SessionNotFound: there is none, or none that can go on from there.
            WorkerUnavailable: the worker does not answer.
        """
        body = json.dumps({"connection": connection_id, "received": received}).encode()
        status, answer = self._call(address, "PUT", f"/sessions/{session_id}/connection", body)
        if status != 200:
            raise _error(status, answer)

    def detach(self, address: str, session_id: str, connection_id: str, close_code: int) -> None:
        """Say that a connection is closed; the worker knows what that means for the session."""
        target = f"/sessions/{session_id}/connections/{quote(connection_id, safe='')}"
        self._call(address, "DELETE", target, extra={"x-close-code": str(close_code)})

    def drain(self, address: str) -> None:
        """Have the worker take no more sessions; raises WorkerUnavailable."""
        self._call(address, "POST", "/_/drain")

    def end(self, address: str, session_id: str) -> None:
        """Have a session ended; an unknown one is no error."""
        self._call(address, "DELETE", f"/sessions/{session_id}")

    def logs(self, address: str, wanted: dict[str, str]) -> dict[str, Any]:
        """Return what children of the worker printed, as its `GET /logs` answers the query `wanted`.

        Raises:
            WorkerUnavailable: it does not answer.
        """
        status, answer = self._call(address, "GET", f"/logs?{urlencode(wanted)}")
        if status != 200:
            raise _error(status, answer)
        found: dict[str, Any] = json.loads(answer)
        return found

    def sessions(self, address: str) -> frozenset[str]:
        """Return the ids of the worker's sessions.

        Raises:
            WorkerUnavailable: it does not answer.
        """
        status, answer = self._call(address, "GET", "/sessions")
        if status != 200:
            raise WorkerUnavailable(f"the worker answered {status}")
        return frozenset(session["id"] for session in json.loads(answer)["sessions"])

    def _call(
        self, address: str, method: str, target: str, body: bytes = b"", extra: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        if door := Door.read(address):
            return self._call_microvm(door, method, target, body, extra or {})
        origin = self._origins.get(address)
        if origin is None:
            origin = self._origins[address] = Origin(address, timeout_seconds=self._timeout_seconds)
        try:
            return origin.request(method, target, body, {**self._headers, **(extra or {})})
        except ConnectionRefusedError as error:
            raise WorkerDead("the session's worker is gone; connect again") from error
        except OSError as error:
            raise WorkerSilent("the session's worker does not answer; connect again") from error

    def _call_microvm(
        self, door: Door, method: str, target: str, body: bytes, extra: dict[str, str]
    ) -> tuple[int, bytes]:
        if self._microvms is None:
            raise WorkerSilent("no MicroVM can be reached from here; set MOORING_ENGINE")
        try:
            return self._microvms.request(door, method, target, body, extra, self._timeout_seconds)
        except Gone as error:
            raise WorkerDead("the session's MicroVM is gone; connect again") from error
        except OSError as error:
            raise WorkerSilent("the session's MicroVM does not answer; connect again") from error


def _error(status: int, answer: bytes) -> MooringError:
    try:
        return from_jsonrpc(json.loads(answer))
    except (ValueError, KeyError, TypeError):
        if status == LimitReached.http_status:
            return LimitReached("the worker is full")
        if status == SessionNotFound.http_status:
            return SessionNotFound("the session has ended; connect again to start one")
        return WorkerUnavailable(f"the session's worker answered {status}")
