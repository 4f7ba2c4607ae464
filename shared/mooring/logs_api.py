"""Routes for what the children of a server printed. The workers alone keep it: each is asked at each call."""

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Query

from mooring.authentication import Publisher
from mooring.catalog import Catalog, not_found
from mooring.clock import iso8601
from mooring.edits import is_owner
from mooring.errors import (
    Forbidden,
    InvalidRequest,
    MooringError,
    ServerNotFound,
    SessionNotFound,
    WorkerUnavailable,
)
from mooring.keys import Principal
from mooring.servers_api import is_visible
from mooring.workers import Worker, WorkerClient, WorkerDead, WorkerTable

Answer = dict[str, Any]

MAX_LINES = 1000
WORKER_TIMEOUT_SECONDS = 3.0  # one that hangs must not keep the others' lines from being shown

_MAX_BYTES = 512 * 1024  # of text: escaped as JSON it is within the 6 MB of a Lambda function's answer
_MAX_AT_ONCE = 32
_NUMBERS_END = 10**18

Lines = Annotated[int, Query(ge=1, le=MAX_LINES)]
Cursor = Annotated[str, Query(pattern="^[A-Za-z0-9_=-]*$", max_length=8000)]


class ChildLogs:
    """`client` is one whose calls end within WORKER_TIMEOUT_SECONDS."""

    def __init__(self, workers: WorkerTable, client: WorkerClient) -> None:
        self._workers = workers
        self._client = client

    def read(self, selection: Mapping[str, str], lines: int, cursor: str) -> Answer:
        """Return the last lines of a `server` or a `session`, or with a `cursor` the ones after its answer.

        `more` says that there are some after these already, `lost` that some before these are not kept any
        more, `sessions` how many sessions of which `servers` may have printed something. Of the `silent`
        workers lines may come later; those of the `gone` ones are lost.

        Raises:
            InvalidRequest: the cursor is none of ours.
        """
        seen = _decode(cursor)
        told, failed = self._ask({**selection, "lines": str(lines)}, seen if cursor else None)
        gone = {worker_id for worker_id, error in failed.items() if isinstance(error, WorkerDead)}
        gone |= seen.keys() - told.keys() - failed.keys()
        silent = failed.keys() - gone
        found = [line for answer in told.values() for line in answer["lines"]]
        found.sort(key=lambda line: line["number"])
        reached = {worker_id: answer["next"] for worker_id, answer in told.items()}
        return {
            "lines": [_shown(line) for line in (found if cursor else found[-lines:])],
            "cursor": _encode(reached | {worker_id: seen[worker_id] for worker_id in silent & seen.keys()}),
            "more": any(answer["more"] for answer in told.values()),
            "lost": any(answer["lost"] for answer in told.values()),
            "sessions": sum(answer["sessions"] for answer in told.values()),
            "servers": sorted({name for answer in told.values() for name in answer["servers"]}),
            "silent": sorted(silent),
            "gone": sorted(gone),
        }

    def _ask(
        self, wanted: Mapping[str, str], seen: Mapping[str, int] | None
    ) -> tuple[dict[str, Answer], dict[str, MooringError]]:
        """Return, by worker, the answers and the failures; `seen` None: each is asked for its last lines."""
        workers = self._workers.all()
        size_bytes = str(_MAX_BYTES // max(len(workers), 1))

        def ask(worker: Worker) -> Answer | MooringError:
            after = {} if seen is None else {"after": str(seen.get(worker.worker_id, 0))}
            try:
                return self._client.logs(worker.address, {**wanted, **after, "bytes": size_bytes})
            except MooringError as error:
                return error

        with ThreadPoolExecutor(_MAX_AT_ONCE) as threads:
            answers = list(zip(workers, threads.map(ask, workers), strict=True))
        told = {worker.worker_id: answer for worker, answer in answers if isinstance(answer, dict)}
        failed = {worker.worker_id: error for worker, error in answers if isinstance(error, MooringError)}
        return told, failed


def routes(catalog: Catalog, logs: ChildLogs) -> APIRouter:
    """Return the routes; they are for the owner of a server and for admins."""
    router = APIRouter()

    @router.get("/servers/{owner}/{name}/logs")
    def get_server_logs(
        publisher: Publisher, owner: str, name: str, lines: Lines = 100, cursor: Cursor = ""
    ) -> Answer:
        server = catalog.get(f"{owner}/{name}")
        if not is_visible(server, publisher):
            raise not_found(server.qualified_name)
        if not is_owner(server, publisher):
            raise Forbidden(f"only the owner of {server.qualified_name} may read what it prints")
        return logs.read({"server": server.name}, lines, cursor)

    @router.get("/sessions/{session_id}/logs")
    def get_session_logs(
        publisher: Publisher, session_id: str, lines: Lines = 100, cursor: Cursor = ""
    ) -> Answer:
        found = logs.read({"session": session_id}, lines, cursor)
        if not found["sessions"] or not _owns_all(publisher, found["servers"], catalog):
            raise _no_log(session_id, found)
        return found

    return router


def _owns_all(reader: Principal, names: list[str], catalog: Catalog) -> bool:
    try:
        return reader.may("admin") or all(is_owner(catalog.get(name), reader) for name in names)
    except ServerNotFound:  # it was deleted while its sessions go on
        return False


def _no_log(session_id: str, found: Answer) -> MooringError:
    if found["silent"]:
        silent = ", ".join(found["silent"])
        return WorkerUnavailable(f"no worker that answers knows session {session_id}; silent: {silent}")
    if found["gone"]:
        gone = ", ".join(found["gone"])
        return SessionNotFound(f"session {session_id} is gone with its worker, and so is its log ({gone})")
    return SessionNotFound(
        f"no worker has a log of session {session_id}: there was none of this id, it ended long ago without "
        "being kept, it printed nothing, or its worker is gone"
    )


def _shown(line: Answer) -> Answer:
    number = line.pop("number")
    return {"at": iso8601(number / 1_000_000), **line}


def _encode(seen: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(seen, separators=(",", ":")).encode()).decode()


def _decode(cursor: str) -> dict[str, int]:
    if not cursor:
        return {}
    try:
        seen = json.loads(base64.urlsafe_b64decode(cursor))
        if all(type(number) is int and 0 <= number < _NUMBERS_END for number in seen.values()):
            return dict(seen)
    except (ValueError, AttributeError, RecursionError):
        pass
    raise InvalidRequest("cursor must be one that an answer had; leave it out to begin anew")
