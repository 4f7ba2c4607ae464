"""The registry's tools as an MCP server over Streamable HTTP, without state. Importing this imports `mcp`.

Every request is served by a session manager of its own, which ends with it: nothing has to be started before
the first request or stopped after the last, which is what a Lambda function can do.
"""

import json
from typing import Any

from anyio import to_thread
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from mooring import __version__
from mooring.errors import MooringError
from mooring.registry_tool_schemas import INSTRUCTIONS, TOOLS
from mooring.registry_tools import RegistryTools, UnknownTool

_MAX_BODY_BYTES = 128 * 1024  # what a message may have on the WebSocket side

_Context = ServerRequestContext[Any, Request]


class McpServer:
    """An ASGI application. `state` of a request must have its `principal`."""

    def __init__(self, tools: RegistryTools) -> None:
        self._tools = tools
        self._listed = ListToolsResult(tools=[Tool.model_validate(tool) for tool in TOOLS])
        self._server = Server[Any](
            "mooring/registry",
            version=__version__,
            title="Mooring registry",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=_MAX_BODY_BYTES
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list_tools(
        self, _context: _Context, _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return self._listed

    async def _call_tool(self, context: _Context, params: CallToolRequestParams) -> CallToolResult:
        assert context.request is not None
        reader = context.request.state.principal
        try:
            found = await to_thread.run_sync(self._tools.call, params.name, params.arguments or {}, reader)
        except UnknownTool as error:
            known = ", ".join(tool["name"] for tool in TOOLS)
            raise MCPError(INVALID_PARAMS, f"unknown tool: {params.name}; there are {known}") from error
        except (
            MooringError
        ) as error:  # as a result, not as an error, so that the model reads what to do about it
            return CallToolResult(content=[TextContent(text=error.message)], is_error=True)
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return CallToolResult(content=[TextContent(text=text)], structured_content=found)
