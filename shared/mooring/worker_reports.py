"""What a worker without AWS credentials may have done for it, and nothing beyond its own session.

The caller has been found to speak for `session_id`; each thing that it names must be that session's own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mooring.connections import Connections
from mooring.errors import InvalidRequest, WorkerUnavailable
from mooring.microvm_rows import MicrovmRows
from mooring.microvms import Microvms
from mooring.session_rows import SessionRows
from mooring.sessions import session_key
from mooring.usage import UsageTable

_DONE = 200
_NONE = 410  # as @connections says of a connection that it does not have
_LATER = 503
# Of requests in flight in a row, as workers of the pool write them.
_MAX_IDS = 32
_MAX_ID_CHARACTERS = 256
_MAX_USES = 100_000  # in one report, some seconds long


@dataclass(frozen=True, slots=True)
class Report:
    """One call of a worker: `fields` say what is wanted, `frame` is what is to be sent to the client."""

    fields: Mapping[str, Any]
    frame: bytes

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Read a body: a line of JSON, then the frame; raises InvalidRequest."""
        line, _, frame = body.partition(b"\n")
        try:
            fields = json.loads(line)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise InvalidRequest("the first line of the body must be a JSON object")
        return cls(fields, frame)

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or not value:
            raise InvalidRequest(f"{name} must be a text")
        return value


class WorkerReports:
    def __init__(
        self,
        connections: Connections,
        rows: SessionRows,
        machines: MicrovmRows,
        usage: UsageTable,
        microvms: Microvms,
    ) -> None:
        self._connections = connections
        self._rows = rows
        self._machines = machines
        self._usage = usage
        self._microvms = microvms

    def carry_out(self, session_id: str, report: Report) -> int:
        """Do what a session's worker asks for and return the status to answer; raises InvalidRequest."""
        match report.text("do"):
            case "post":
                return self._call("POST", session_id, report)
            case "close":
                return self._call("DELETE", session_id, report)
            case "forget":
                return self._forget(session_id, report)
            case "note":
                return self._note(session_id, report)
            case "count":
                return self._count(session_id, report)
            case "over":
                return self._over(session_id, report)
        raise InvalidRequest("do must be post, close, forget, note, count or over")

    def _call(self, method: str, session_id: str, report: Report) -> int:
        connection = report.text("connection")
        if not self._rows.is_of(connection, session_id):
            return _NONE  # another session's, or its handshake is not over yet
        try:
            return self._connections.forward(method, connection, report.frame)
        except WorkerUnavailable:
            return _LATER

    def _forget(self, session_id: str, report: Report) -> int:
        key = report.text("key")
        if key.startswith("session#") and key != session_key(session_id):
            return _NONE
        return _DONE if self._rows.forget_own(key, session_id, report.text("microvm")) else _NONE

    def _note(self, session_id: str, report: Report) -> int:
        ids = report.fields.get("ids")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise InvalidRequest("ids must be a list of texts")
        bounded = [one for one in ids if len(one) <= _MAX_ID_CHARACTERS][:_MAX_IDS]
        return _DONE if self._rows.note_requests(report.text("connection"), session_id, bounded) else _NONE

    def _count(self, session_id: str, report: Report) -> int:
        uses, microvm = report.fields.get("uses"), self._machines.get(report.text("microvm"))
        if type(uses) is not int or not 0 < uses <= _MAX_USES:
            raise InvalidRequest(f"uses must be a whole number from 1 to {_MAX_USES}")
        if microvm is None or microvm.session_id != session_id:
            return _NONE
        self._usage.add(microvm.server, uses)
        return _DONE

    def _over(self, session_id: str, report: Report) -> int:
        microvm = self._machines.get(report.text("microvm"))
        if microvm is None:
            return (
                _DONE  # $connect has not written it, and terminates what it cannot write; or the reaper does
            )
        if microvm.session_id != session_id:
            return _NONE
        if not self._microvms.terminate(microvm.worker_id):
            return _LATER
        self._machines.forget(microvm.worker_id)
        return _DONE
