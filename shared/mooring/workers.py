"""Which workers there are, which one a session goes to, and the calls to a worker.

Workers announce themselves: each writes its own row every few seconds, with a lease. Placement reads
those rows and asks; the worker alone knows whether it has room, so no counter is shared and none leaks.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from mooring.errors import (
    InvalidRequest,
    LimitReached,
    MooringError,
    SessionNotFound,
    WorkerUnavailable,
    from_jsonrpc,
)
from mooring.origin import Origin

_ROWS_FRESH_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 2


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

    def takes_sessions(self, now: float) -> bool:
        return self.lease > now and not self.draining and self.used < self.capacity


def in_order_of_choice(workers: list[Worker], bundle: str, now: float) -> list[Worker]:
    """Return the workers to try for a session of a release, the best one first.

    Rendezvous hashing gives each bundle its own order of workers, so that its sessions meet where it is
    already unpacked; of the first two the emptier one leads, so that a popular server spreads.
    """
    alive = [worker for worker in workers if worker.takes_sessions(now)]
    alive.sort(key=lambda worker: _weight(worker.worker_id, bundle), reverse=True)
    first = sorted(alive[:2], key=lambda worker: worker.used / worker.capacity)
    return first + alive[2:]


def _weight(worker_id: str, bundle: str) -> bytes:
    return hashlib.blake2b(f"{worker_id}\n{bundle}".encode(), digest_size=8).digest()


class WorkerTable:
    def __init__(self, client: Any, table: str, *, fresh_seconds: float = _ROWS_FRESH_SECONDS) -> None:
        self._client = client
        self._table = table
        self._fresh_seconds = fresh_seconds
        self._rows: list[Worker] = []
        self._read_at = float("-inf")

    def all(self) -> list[Worker]:
        """Return every announced worker, dead ones included, at most `fresh_seconds` old."""
        if time.monotonic() - self._read_at >= self._fresh_seconds:
            pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
            self._rows = [_worker(item) for page in pages for item in page["Items"]]
            self._read_at = time.monotonic()
        return self._rows


def _worker(item: dict[str, Any]) -> Worker:
    return Worker(
        worker_id=item["worker_id"]["S"],
        address=item["address"]["S"],
        used=int(item["used"]["N"]),
        capacity=int(item["capacity"]["N"]),
        lease=float(item["lease"]["N"]),
        draining=item["draining"]["BOOL"],
    )


class WorkerClient:
    """Calls to workers, by address. `secret` is what they know us by."""

    def __init__(self, secret: str, *, timeout_seconds: float = 8.0) -> None:
        self._headers = {"authorization": f"Bearer {secret}"}
        self._timeout_seconds = timeout_seconds  # ends before the function's own 10 s
        self._origins: dict[str, Origin] = {}

    def start(self, address: str, session_id: str, order: dict[str, Any]) -> None:
        """Have a session started.

        Raises:
            LimitReached: the worker is full or draining.
            InvalidRequest: its launch rule cannot be used.
            WorkerUnavailable: the worker does not answer.
        """
        body = json.dumps(order).encode()
        status, answer = self._call(address, "PUT", f"/sessions/{session_id}", body)
        if status in (200, 201):
            return
        error = _error(status, answer)
        raise InvalidRequest(error.message, error.data) if status == 422 else error

    def send(self, address: str, session_id: str, frame: str, message_id: str) -> None:
        """Hand one frame to the session.

        Raises:
            MooringError: the error that its requests are to be answered with.
        """
        target = f"/sessions/{session_id}/frames"
        status, answer = self._call(address, "POST", target, frame.encode(), {"x-message-id": message_id})
        if status != 202:
            raise _error(status, answer)

    def end(self, address: str, session_id: str) -> None:
        """Have a session ended; an unknown one is no error."""
        self._call(address, "DELETE", f"/sessions/{session_id}")

    def _call(
        self, address: str, method: str, target: str, body: bytes = b"", extra: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        origin = self._origins.get(address)
        if origin is None:
            origin = self._origins[address] = Origin(address, timeout_seconds=self._timeout_seconds)
        try:
            return origin.request(method, target, body, {**self._headers, **(extra or {})})
        except OSError as error:
            raise WorkerUnavailable("the session's worker does not answer; connect again") from error


def _error(status: int, answer: bytes) -> MooringError:
    try:
        return from_jsonrpc(json.loads(answer))
    except (ValueError, KeyError, TypeError):
        if status == LimitReached.http_status:
            return LimitReached("the worker is full")
        if status == SessionNotFound.http_status:
            return SessionNotFound("the session has ended; connect again to start one")
        return WorkerUnavailable(f"the session's worker answered {status}")


def place(
    workers: list[Worker], bundle: str, client: WorkerClient, session_id: str, order: dict[str, Any]
) -> Worker:
    """Start a session on the first worker that takes it.

    Raises:
        WorkerUnavailable: none did; `data` says when to try again.
        InvalidRequest: the launch rule cannot be used, whichever worker is asked.
    """
    for worker in in_order_of_choice(workers, bundle, time.time()):
        try:
            client.start(worker.address, session_id, order)
        except (LimitReached, WorkerUnavailable):
            continue
        return worker
    raise WorkerUnavailable("no worker has room now; try again", {"retryAfterSeconds": _RETRY_AFTER_SECONDS})
