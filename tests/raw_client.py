"""A WebSocket client that knows frames and nothing of MCP: it sends what a test wants on the wire."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

Message = dict[str, Any]

REFUSAL_SECONDS = 2.0

HELLO: Message = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "1"},
}


class RawClient:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, frame: str | bytes) -> None:
        await self.socket.send(frame)

    async def receive(self) -> str:
        """Return the next text frame as it came."""
        frame = await self.socket.recv()
        assert isinstance(frame, str)
        return frame

    async def message(self) -> Message:
        """Return the next message."""
        message: Message = json.loads(await self.receive())
        return message

    async def request(self, method: str, params: Message | None = None, id: int | str = 1) -> Message:
        """Send a request; return its answer, and drop what comes before."""
        request: Message = {"jsonrpc": "2.0", "id": id, "method": method}
        await self.send(json.dumps(request if params is None else {**request, "params": params}))
        while True:
            message = await self.message()
            if message.get("id") == id and "method" not in message:
                return message

    async def notify(self, method: str) -> None:
        await self.send(json.dumps({"jsonrpc": "2.0", "method": method}))

    async def initialize(self) -> Message:
        """Go through the handshake of the protocol; return the answer to `initialize`."""
        answer = await self.request("initialize", HELLO, id="hello")
        await self.notify("notifications/initialized")
        return answer

    async def call_tool(self, name: str, **arguments: Any) -> Message:
        """Return the result of a tool call, or the error."""
        answer = await self.request("tools/call", {"name": name, "arguments": arguments}, id=f"call {name}")
        result: Message = answer.get("result", answer)
        return result


@asynccontextmanager
async def raw_client(url: str) -> AsyncIterator[RawClient]:
    """Connect.

    Raises:
        websockets.exceptions.InvalidStatus: the handshake was refused; it has the response.
    """
    async with connect(url, subprotocols=[Subprotocol("mcp")], max_size=None, ping_interval=None) as socket:
        yield RawClient(socket)


async def refusal(url: str) -> tuple[int, Message]:
    """Return status and JSON body of a handshake that must be refused in time."""
    try:
        async with asyncio.timeout(REFUSAL_SECONDS), raw_client(url):
            pass
    except InvalidStatus as refused:
        return refused.response.status_code, json.loads(refused.response.body or b"{}")
    raise AssertionError("the handshake was not refused")
