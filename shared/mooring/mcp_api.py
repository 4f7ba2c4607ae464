"""The route of the registry's own MCP server, `POST /registry/mcp`, and who may use it."""

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mooring.errors import Forbidden
from mooring.registry_tools import RegistryTools

PATH = "/registry/mcp"

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def route(tools: RegistryTools, public_url: str) -> Route:
    """Return the route; `public_url` is where pages of Mooring's own come from.

    Streamable HTTP's GET and DELETE are for streams and sessions: there are none.
    """
    return Route(PATH, _Endpoint(tools, public_url), methods=["POST"], include_in_schema=False)


class _Endpoint:
    def __init__(self, tools: RegistryTools, public_url: str) -> None:
        self._tools = tools
        self._origins = _origins(public_url)
        self._server: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["principal"].require("read")
        # A page in a browser says where it is from; one that got here by DNS rebinding is not from here.
        origin = Headers(scope=scope).get("origin")
        if origin is not None and origin.lower() not in self._origins:
            raise Forbidden("pages of this Origin may not use the registry's MCP server")
        if self._server is None:
            self._server = await run_in_threadpool(self._load)
        await self._server(scope, receive, send)

    def _load(self) -> ASGIApp:
        from mooring.mcp_server import (
            McpServer,
        )  # with what it needs half a second that no other route shall pay

        return McpServer(self._tools)


def _origins(public_url: str) -> frozenset[str]:
    """Return the origins of pages that are Mooring's own."""
    parts = urlsplit(public_url)
    own = f"{parts.scheme}://{parts.netloc}".lower()
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return frozenset({own})
    port = f":{parts.port}" if parts.port else ""
    return frozenset({own, *(f"{parts.scheme}://{host}{port}" for host in _LOOPBACK)})
