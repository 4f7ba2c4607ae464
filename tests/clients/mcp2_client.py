"""The stock Python client, second generation: `mcp` 2.3 over Mooring's WebSocket transport, or HTTP or stdio.

Reads {"target", "scenario"} as JSON from stdin (scenarios.py), prints what it saw.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp import MCPError, StdioServerParameters, types
from mcp.client import Client
from mcp.client.session import ClientRequestContext, IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning

from mooring.client import websocket_transport
from tests.clients.player import Params, Player, plain, read_order


class Stock:
    """The callbacks of a Client."""

    def __init__(self, player: Player) -> None:
        self._player = player

    async def sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult:
        return types.CreateMessageResult(**self._player.answer("sampling/createMessage", params))

    async def elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        return types.ElicitResult(**self._player.answer("elicitation/create", params))

    async def list_roots(self, context: ClientRequestContext) -> types.ListRootsResult:
        return types.ListRootsResult(**self._player.answer("roots/list", None))

    async def receive(self, message: IncomingMessage) -> None:
        if isinstance(message, Exception):
            self._player.note_stray(message)
        elif not isinstance(message, types.ProgressNotification):
            self._player.note(message.method, message.params)


async def abandon(call: Callable[..., Awaitable[Any]]) -> None:
    with anyio.CancelScope() as scope:
        await call(scope.cancel)


@asynccontextmanager
async def over_http(target: Params) -> AsyncIterator[Any]:
    async with (
        httpx2.AsyncClient(headers=target["headers"]) as http,
        streamable_http_client(target["url"], http_client=http) as streams,
    ):
        yield streams


def server(target: Params) -> Any:
    if "headers" in target:
        return over_http(target)
    return websocket_transport(target["url"]) if "url" in target else StdioServerParameters(**target)


async def main() -> None:
    target, scenario = read_order()
    player = Player(scenario, MCPError)
    stock = Stock(player)
    async with Client(
        server(target),
        sampling_callback=stock.sample,
        elicitation_callback=stock.elicit,
        list_roots_callback=stock.list_roots,
        message_handler=stock.receive,
    ) as client:
        player.seen["server"] = {
            "protocolVersion": client.protocol_version,
            "info": plain(client.server_info) if client.server_info else None,
            "capabilities": plain(client.server_capabilities),
            "instructions": client.instructions,
        }
        await player.play(client, abandon)
    player.print()


warnings.simplefilter(
    "ignore", MCPDeprecationWarning
)  # levels, subscriptions and roots, which servers still have
asyncio.run(main())
