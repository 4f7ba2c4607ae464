"""Every failure Mooring reports to a client.

* MooringError
    * Unauthorized        no credential, or one that is not known
    * Forbidden           the principal is known and may not do this
    * ServerNotFound      the catalog has no such server
    * ReleaseNotFound     the server has no such release
    * NotDeployed         the server exists and has no release that can be hosted
    * SurfaceChanged      the server offers something else than the client has pinned
    * Conflict            somebody else changed the same thing at the same time, or holds its name
        * PreconditionFailed  it is not the version that If-Match names
        * Kept                an import leaves a record alone (mooring.edits)
        * NotClaimable        the server has an owner who published or claimed it here
    * InvalidRequest      a field of a request is missing or wrong
        * NotProven       what should be at the owner's place is not there
        * InvalidConfig   the session's configuration does not fit the server's configSchema
    * ScanFailed          what a server offers could not be listed
    * InvalidFrame        a frame is not JSON-RPC
    * FrameTooLarge       a frame is over what the transport can carry
    * SessionNotFound     the connection has no live session
    * ChildExited         the server's process ended
        * StartFailed     it ended, or could not be started, before its first message
            * BundleUnusable  its files cannot be had, or are not what they should be
    * WorkerUnavailable   no worker has room, or the session's worker does not answer
        * WorkerSilent    it does not answer: what it was sent may have arrived (mooring.workers)
            * WorkerDead  nobody listens where it was (mooring.workers)
        * WorkerLost      the session's worker is gone for good, and the session with it
    * LimitReached        a limit of the principal, the server or the session
    * SearchUnavailable   the search index is lost, and names alone cannot answer
    * ConnectionGone      the client's socket is closed: nobody is there to tell

Each class carries its JSON-RPC code and its HTTP status, so that both edges translate an error
without a table. The codes from -32010 to -32015 are ours: the protocol leaves -32000..-32019 to
implementations and its own SDKs use the first two (`docs/errors.md` has the table for users).
"""

from typing import Any, ClassVar, Literal

Data = dict[str, Any]


class MooringError(Exception):
    """A failure with a message for the client and, where it helps, structured `data`."""

    jsonrpc_code: ClassVar[int] = -32603
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, data: Data | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def as_jsonrpc(self) -> Data:
        """Return the `error` member of a JSON-RPC response."""
        error: Data = {"code": self.jsonrpc_code, "message": self.message}
        if self.data:
            error["data"] = self.data
        return error

    def as_http(self) -> Data:
        """Return the JSON body of an HTTP answer; its status is `http_status`."""
        return {"error": type(self).__name__, "message": self.message, **(self.data or {})}


class Unauthorized(MooringError):
    jsonrpc_code = -32602
    http_status = 401


class Forbidden(MooringError):
    jsonrpc_code = -32602
    http_status = 403


class ServerNotFound(MooringError):
    jsonrpc_code = -32602
    http_status = 404


class ReleaseNotFound(MooringError):
    jsonrpc_code = -32602
    http_status = 404


class NotDeployed(MooringError):
    jsonrpc_code = -32602
    http_status = 409


class SurfaceChanged(MooringError):
    """`data` has the digests `pinned` and `current` (None: not scanned); `mooring.surface` makes them."""

    jsonrpc_code = -32602
    http_status = 409


class Conflict(MooringError):
    jsonrpc_code = -32602
    http_status = 409


class PreconditionFailed(Conflict):
    http_status = 412


class NotClaimable(Conflict):
    pass


class InvalidRequest(MooringError):
    jsonrpc_code = -32602
    http_status = 422


class NotProven(InvalidRequest):
    """`data` has `where` the proof is to be, what is `expected` there, and what was `found`."""


class InvalidConfig(InvalidRequest):
    """`data["errors"]` is a list of `{"pointer": "/a/b", "reason": "..."}`, never with a value."""


class ScanFailed(MooringError):
    """`data["advice"]` is the one next step; `data["needs"]` is "auth", "config" or not there."""

    jsonrpc_code = -32602
    http_status = 422

    @property
    def advice(self) -> str:
        return str((self.data or {}).get("advice", ""))

    @property
    def needs(self) -> Literal["auth", "config"] | None:
        """What a scan that may succeed has to be given: credentials, or configuration."""
        needs = (self.data or {}).get("needs")
        return needs if needs in ("auth", "config") else None


class InvalidFrame(MooringError):
    jsonrpc_code = -32700
    http_status = 400


class FrameTooLarge(MooringError):
    jsonrpc_code = -32013
    http_status = 413


class SessionNotFound(MooringError):
    jsonrpc_code = -32010
    http_status = 404


class ChildExited(MooringError):
    """`data` has `exitCode` or `signal`, and `stderr` (last lines) for the server's owner."""

    jsonrpc_code = -32011
    http_status = 410


class StartFailed(ChildExited):
    jsonrpc_code = -32014


class BundleUnusable(StartFailed):
    """In band it is a StartFailed: told by its message."""


class WorkerUnavailable(MooringError):
    jsonrpc_code = -32012
    http_status = 503


class WorkerLost(WorkerUnavailable):
    http_status = 410


class LimitReached(MooringError):
    jsonrpc_code = -32015
    http_status = 429


class SearchUnavailable(MooringError):
    """`data["retryAfterSeconds"]` says when the index may be there again."""

    http_status = 503


class ConnectionGone(MooringError):
    http_status = 410


_IN_BAND = (
    InvalidFrame,
    SessionNotFound,
    ChildExited,
    WorkerUnavailable,
    FrameTooLarge,
    StartFailed,
    LimitReached,
)
_BY_CODE = {error.jsonrpc_code: error for error in _IN_BAND}


def from_jsonrpc(error: Data) -> MooringError:
    """Return the exception whose `as_jsonrpc` gave `error` on another machine."""
    kind = _BY_CODE.get(error["code"], MooringError)
    return kind(error["message"], error.get("data"))
