"""For programs that use a Mooring: MCP sessions over WebSocket, and its registry over HTTP.

    async with mcp.client.Client(websocket_transport(url)) as client: ...

`websocket_transport` is loaded on first use: it needs `mcp`, whose import takes longer than `mooring connect`
takes to connect, and that command does without.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mooring.client.transport import websocket_transport

__all__ = ["websocket_transport"]


def __getattr__(name: str) -> object:
    if name != "websocket_transport":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mooring.client.transport import websocket_transport

    return websocket_transport
