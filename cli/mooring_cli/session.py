"""An MCP session with a hosted server. Importing this imports `mcp`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from mcp.client import Client
from mcp.shared.exceptions import MCPError

from mooring.client import websocket_transport
from mooring.errors import from_jsonrpc

ANSWER_TIMEOUT_SECONDS = 60.0  # a server may load a model before it answers for the first time


@asynccontextmanager
async def session(url: str, headers: dict[str, str]) -> AsyncGenerator[Client, None]:
    """Open a session.

    Raises:
        MooringError: it was refused, or the server answered a request with an error.
        OSError: the host cannot be reached.
    """
    transport = websocket_transport(url, headers=headers)
    try:
        async with Client(transport, read_timeout_seconds=ANSWER_TIMEOUT_SECONDS) as client:
            yield client
    except (MCPError, ExceptionGroup) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    """Return Mooring's error for one of the SDK's, which wraps what happens in a session in groups."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if not isinstance(error, MCPError):
        return error
    told = error.error
    data = told.data if isinstance(told.data, dict) else None
    return from_jsonrpc({"code": told.code, "message": told.message, "data": data})
