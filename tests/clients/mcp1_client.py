"""The stock Python client, first generation: `mcp` 1.30 over its own WebSocket, HTTP or stdio transport.

Runs in `.venv-mcp1`. Reads {"target", "scenario"} as JSON from stdin (scenarios.py), prints what it saw.
"""
# mypy: ignore-errors
# It is written against mcp 1.30; the environment that mypy reads has mcp 2.

import asyncio
import warnings
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
import httpx
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client
from mcp.client.websocket import websocket_client

from tests.clients.player import Params, Player, plain, read_order


class Stock:
    """The callbacks of a ClientSession, and the token of the progress that came last."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._progress_token: types.ProgressToken | None = None

    async def sample(self, context, params):
        return types.CreateMessageResult(**self._player.answer("sampling/createMessage", params))

    async def elicit(self, context, params):
        return types.ElicitResult(**self._player.answer("elicitation/create", params))

    async def list_roots(self, context):
        return types.ListRootsResult(**self._player.answer("roots/list", None))

    async def receive(self, message) -> None:
        if isinstance(message, Exception):
            self._player.note_stray(message)
        elif isinstance(message, types.ServerNotification):
            notification = message.root
            if isinstance(notification, types.ProgressNotification):
                self._progress_token = notification.params.progressToken
            else:
                self._player.note(notification.method, notification.params)

    async def abandon(self, session: ClientSession, call) -> None:
        with anyio.CancelScope() as scope:
            await call(scope.cancel)
        # 1.x leaves the notification to its user; it uses a request's id as the token of its progress.
        params = types.CancelledNotificationParams(requestId=self._progress_token, reason="no longer wanted")
        cancelled = types.CancelledNotification(params=params)
        await session.send_notification(types.ClientNotification(cancelled))


@asynccontextmanager
async def over_http(target: Params):
    async with (
        httpx.AsyncClient(headers=target["headers"]) as http,
        streamable_http_client(target["url"], http_client=http) as (read, write, _),
    ):
        yield read, write


def transport(target: Params) -> AbstractAsyncContextManager:
    if "headers" in target:
        return over_http(target)
    if "url" in target:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            return websocket_client(target["url"])
    return stdio_client(StdioServerParameters(**target))


async def main() -> None:
    target, scenario = read_order()
    player = Player(scenario, McpError)
    stock = Stock(player)
    async with (
        transport(target) as streams,
        ClientSession(
            *streams,
            sampling_callback=stock.sample,
            elicitation_callback=stock.elicit,
            list_roots_callback=stock.list_roots,
            message_handler=stock.receive,
        ) as session,
    ):
        initialized = plain(await session.initialize())
        player.seen["server"] = {
            "protocolVersion": initialized["protocolVersion"],
            "info": initialized["serverInfo"],
            "capabilities": initialized["capabilities"],
            "instructions": initialized.get("instructions"),
        }
        await player.play(session, lambda call: stock.abandon(session, call))
    player.print()


asyncio.run(main())
