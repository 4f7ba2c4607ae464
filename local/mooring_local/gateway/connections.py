"""The @connections API, with which a worker or a function writes to clients.

Served on a loopback port of its own: `http1.serve(responder(gateway, credentials, region), ...)`.
Shapes and error names: the API model of apigatewaymanagementapi 2018-11-29.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from mooring.http1 import Request, Respond, Response
from mooring.sigv4 import Credentials
from mooring_local.gateway.connection import Connection
from mooring_local.gateway.gateway import Gateway
from mooring_local.gateway.limits import CLIENT_BUFFER_BYTES, POST_BYTES
from mooring_local.gateway.signature import Rejected, Verifier


def responder(gateway: Gateway, credentials: Credentials, region: str) -> Respond:
    """Return what answers requests signed with `credentials` for the clients of `gateway`."""
    prefix = f"/{gateway.api.stage}/@connections/"
    verifier = Verifier(credentials, region)

    def respond(request: Request) -> Response:
        try:
            verifier.verify(request)
        except Rejected as rejection:
            return _error(403, rejection.kind, rejection.message)
        path = _unquoted(request.target)
        verb = _VERBS.get(request.method)
        if verb is None or not path.startswith(prefix):
            return _error(403, "ForbiddenException", "Forbidden")
        if len(request.body) > POST_BYTES:
            return _error(413, "PayloadTooLargeException", "Payload too large")
        connection = gateway.connections.get(path.removeprefix(prefix))
        if connection is None or not connection.is_open:
            return _error(410, "GoneException", "Gone")
        return verb(connection, request)

    return respond


_unquoted = lru_cache(maxsize=1024)(unquote)  # the paths of open connections come again with each message


def _post(connection: Connection, request: Request) -> Response:
    if connection.buffered_bytes > CLIENT_BUFFER_BYTES:
        return _error(429, "LimitExceededException", "The WebSocket client side buffer is full")
    frame = request.body
    try:
        frame.decode()
    except UnicodeDecodeError:
        frame = frame.decode(errors="replace").encode()
    connection.send(frame)
    return Response(200)


def _get(connection: Connection, request: Request) -> Response:
    identity = {"sourceIp": connection.source_ip, "userAgent": connection.user_agent or ""}
    answer = {
        "connectedAt": _iso(connection.connected_at),
        "identity": identity,
        "lastActiveAt": _iso(connection.last_active_at),
    }
    return Response(200, json.dumps(answer).encode(), {"content-type": "application/json"})


def _delete(connection: Connection, request: Request) -> Response:
    connection.close(1000, "Connection Closed Normally")
    return Response(204)


_VERBS = {"POST": _post, "GET": _get, "DELETE": _delete}


def _error(status: int, kind: str, message: str) -> Response:
    headers = {"content-type": "application/json", "x-amzn-errortype": kind}
    return Response(status, json.dumps({"message": message}).encode(), headers)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
