"""An MCP session with a hosted server, and the list of what it offers. Importing this imports `mcp`."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PaginatedResult

from mooring.client import websocket_transport
from mooring.errors import from_jsonrpc

ANSWER_TIMEOUT_SECONDS = 60.0  # a server may load a model before it answers for the first time
MAX_PAGES = 100  # a server whose lists never end must not hang the command

_Page = TypeVar("_Page", bound=PaginatedResult)


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


async def offers(url: str, headers: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return the `tools`, `prompts` and `resources` a server declares, as it describes them.

    Raises:
        MooringError: the session was refused, or the server failed.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    async with session(url, headers) as client:
        declared = client.server_capabilities
        if declared.tools:
            pages = await _pages(lambda cursor: client.list_tools(cursor=cursor))
            listed["tools"] = [_plain(tool) for page in pages for tool in page.tools]
        if declared.prompts:
            found = await _pages(lambda cursor: client.list_prompts(cursor=cursor))
            listed["prompts"] = [_plain(prompt) for page in found for prompt in page.prompts]
        if declared.resources:
            shown = await _pages(lambda cursor: client.list_resources(cursor=cursor))
            listed["resources"] = [_plain(resource) for page in shown for resource in page.resources]
    return listed


async def _pages(fetch: Callable[[str | None], Awaitable[_Page]]) -> list[_Page]:
    cursor: str | None = None
    pages: list[_Page] = []
    while len(pages) < MAX_PAGES:
        page = await fetch(cursor)
        pages.append(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    return pages


def _plain(item: Any) -> dict[str, Any]:
    described: dict[str, Any] = item.model_dump(mode="json", by_alias=True, exclude_none=True)
    return described
