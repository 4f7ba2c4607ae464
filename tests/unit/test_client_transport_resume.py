"""The transport of `mcp` over sockets that break."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from websockets.asyncio.server import ServerConnection

from mooring.client import websocket_transport
from mooring.client.patience import Patience
from mooring.errors import SessionNotFound
from tests.unit.resumable import MadeUpTime, Refusal, Resumable, running

NONE = Patience(window_seconds=0)


@asynccontextmanager
async def breaking(every: int) -> AsyncGenerator[Resumable, None]:
    """Run a server with a tool that breaks the socket at every n-th frame; half of these are lost."""
    arrived = 0

    def break_now_and_then(socket: ServerConnection, message: Any) -> bool:
        nonlocal arrived
        arrived += 1
        if arrived % every:
            return True
        socket.transport.abort()
        return arrived % (2 * every) > 0

    async with running() as platform:
        platform.on_frame = break_now_and_then
        platform.result = speak
        yield platform


def speak(request: dict[str, Any]) -> dict[str, Any]:
    match request["method"]:
        case "initialize":
            version = request["params"]["protocolVersion"]
            about = {"name": "hand-made", "version": "1"}
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
        case "tools/list":
            return {"tools": [{"name": "size", "inputSchema": {"type": "object"}}]}
    text = str(request.get("params", {}).get("arguments", {}).get("text"))
    return {"content": [{"type": "text", "text": text}]}


@pytest.mark.parametrize("every", [2, 3, 10])
async def test_a_stock_client_notices_nothing_of_sockets_that_break(every: int) -> None:
    async with (
        asyncio.timeout(20),
        breaking(every) as platform,
        Client(websocket_transport(platform.url, patience=MadeUpTime().patience), mode="legacy") as client,
    ):
        calls = [client.call_tool("size", {"text": str(number)}) for number in range(50)]
        answers = await asyncio.gather(*calls)

    assert [getattr(answer.content[0], "text", None) for answer in answers] == [
        str(number) for number in range(50)
    ]
    assert set(platform.session.executed.values()) == {1}
    assert len(platform.paths) > 2


async def test_the_state_of_a_session_goes_on_in_another_transport() -> None:
    async with asyncio.timeout(5), running() as platform:
        first = websocket_transport(platform.url, patience=NONE)
        async with first as (incoming, outgoing):
            await outgoing.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=1, method="hold")))
            key = await platform.held.get()
            platform.session.say({"method": "n"})
            platform.session.say({"method": "m"})
            await incoming.receive()
            await incoming.receive()
        platform.session.answer(key)
        second = websocket_transport(platform.url, session=first.session, received=first.received)
        async with second as (incoming, _):
            item = await incoming.receive()

    assert isinstance(item, SessionMessage)
    assert isinstance(item.message, JSONRPCResponse)
    assert (second.session, second.received) == (first.session, 3)


async def test_a_session_that_is_over_gives_its_reason_and_ends_the_streams() -> None:
    async with (
        asyncio.timeout(5),
        running() as platform,
        websocket_transport(platform.url, patience=MadeUpTime().patience) as (incoming, outgoing),
    ):
        await outgoing.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=1, method="hold")))
        await platform.held.get()
        platform.refusals.append(Refusal(SessionNotFound("start anew")))
        platform.cut()

        answer, reason = await incoming.receive(), await incoming.receive()
        with pytest.raises(StopAsyncIteration):
            await incoming.__anext__()
        with pytest.raises(anyio.BrokenResourceError):
            while True:  # a message may be taken before it is known that nothing can be sent
                await outgoing.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="n")))

    assert isinstance(answer, SessionMessage)
    assert isinstance(answer.message, JSONRPCError)
    assert answer.message.error.code == SessionNotFound.jsonrpc_code
    assert type(reason) is SessionNotFound


async def test_a_transport_can_be_left_while_the_server_is_away() -> None:
    time = MadeUpTime()
    away = asyncio.Event()

    async def wait_for_ever() -> None:
        away.set()
        await asyncio.Event().wait()

    time.on_pause = wait_for_ever
    async with (
        asyncio.timeout(5),
        running() as platform,
        websocket_transport(platform.url, patience=time.patience),
    ):
        await platform.stop()
        await away.wait()
