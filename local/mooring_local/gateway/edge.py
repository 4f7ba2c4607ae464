"""The one public port: HTTP goes to uvicorn, WebSocket to the gateway as CloudFront would pass it.

In the cloud `route` is a CloudFront Function, `functions/edge_router/edge.js`;
`tests/unit/gateway/edge_cases.json` holds both to the same cases.
"""

import json
import re
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mooring_local.gateway.gateway import Gateway
from mooring_local.gateway.websocket import WebSocket

NOT_FOUND = {"error": "ServerNotFound", "message": "a WebSocket client connects to /{owner}/{name}/ws"}
_SERVER = "_server"
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_UNESCAPED = "!'()*"  # with what `quote` keeps anyway, the characters of JavaScript's encodeURIComponent


def route(target: str) -> str | None:
    """Return the $connect query for a request target `/{qualifiedName}/ws?...`; None if it is none.

    The name is taken as given, only decoded: with its `@` and in its letter case. A parameter of the
    client that would reach $connect as `_server` is dropped, however it is escaped, and so is one whose
    name cannot be decoded: nobody knows what API Gateway reads there.
    """
    path, _, query = target.partition("?")
    if not path.startswith("/") or not path.endswith("/ws"):
        return None
    escaped = path[1 : -len("/ws")]
    # Raw bytes beyond ASCII have no place in a target, and each proxy reads them its own way.
    name = _decoded(escaped) if escaped.isascii() else None
    if name is None or name.count("/") != 1 or not all(name.removeprefix("@").split("/")):
        return None
    kept = (part for part in query.split("&") if part and _is_the_clients(part))
    return "&".join((f"{_SERVER}={quote(name, safe=_UNESCAPED)}", *kept))


def _is_the_clients(parameter: str) -> bool:
    return _decoded(parameter.partition("=")[0]) not in (None, _SERVER)


def _decoded(escaped: str) -> str | None:
    if _BROKEN_ESCAPE.search(escaped):
        return None
    try:
        return unquote_to_bytes(escaped).decode()
    except UnicodeDecodeError:
        return None


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which gives WebSocket handshakes to `gateway` with their headers as sent.

    uvicorn lower-cases header names; API Gateway does not, so a handler that relies on it would only
    fail in the cloud.
    """

    gateway: Gateway

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ws_protocol_class = WebSocket  # uvicorn upgrades only if there is one
        self._head: list[bytes] = []

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = []

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head += (name, b": ", value, b"\r\n")

    def handle_websocket_upgrade(self) -> None:
        if self.cycle and not self.cycle.response_complete:
            # A pipelined handshake: the answer before it is still under way and will be the last.
            self.cycle.keep_alive = False
            return
        query = route(self.url.decode("latin-1"))
        if query is None:
            self._refuse()
            return
        self.connections.discard(self)
        socket = self.gateway.socket()
        socket.connection_made(self.transport)
        self.transport.set_protocol(socket)
        target = f"/{self.gateway.api.stage}?{query}"
        method, version = self.parser.get_method(), self.parser.get_http_version()
        request_line = f"{method.decode('latin-1')} {target} HTTP/{version}\r\n"
        socket.data_received(b"".join((request_line.encode("latin-1"), *self._head, b"\r\n")))

    def _refuse(self) -> None:
        body = json.dumps(NOT_FOUND).encode()
        self.transport.write(
            b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        self.transport.close()


def make_protocol(gateway: Gateway) -> type[EdgeProtocol]:
    """Return what to give to `uvicorn.Config(http=...)`, which makes its protocol objects itself."""

    class GatewayEdge(EdgeProtocol):
        pass

    GatewayEdge.gateway = gateway
    return GatewayEdge
