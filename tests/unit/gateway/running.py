"""A gateway on real ports, with fake handlers and a clock that tests move."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import websockets
from websockets.frames import Frame, Opcode

from mooring import http1
from mooring.connections import canonical, connection_path
from mooring.sigv4 import Credentials, Signer
from mooring_local.gateway.calls import Handler
from mooring_local.gateway.clock import MovableClock
from mooring_local.gateway.connections import responder
from mooring_local.gateway.gateway import Gateway

CREDENTIALS = Credentials("AKID", "secret")
REGION = "us-east-1"
WAIT_SECONDS = 5


def accept(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200}


class Inbox:
    """A handler that accepts everything and hands the events to the test."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        return {"statusCode": 200}

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._events.get()

    @property
    def is_empty(self) -> bool:
        return self._events.empty()


@dataclass
class Running:
    gateway: Gateway
    clock: MovableClock
    port: int
    client: http1.Client

    def connect(self, query: str = "", path: str = "/local", **options: Any) -> websockets.connect:
        """Open a WebSocket as a plain client does: no compression, no pings of its own."""
        options = {"compression": None, "ping_interval": None, "open_timeout": WAIT_SECONDS, **options}
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}{query}", **options)

    @property
    def connection_id(self) -> str:
        """The id of the only open connection."""
        (connection_id,) = self.gateway.connections
        return connection_id

    async def call(
        self,
        method: str,
        connection_id: str,
        body: bytes = b"",
        *,
        credentials: Credentials = CREDENTIALS,
        region: str = REGION,
        at: float | None = None,
    ) -> http1.Response:
        """Call the @connections API as a worker does."""
        path = connection_path("/local", connection_id)
        signer = Signer(credentials, region, "execute-api")
        headers = signer.headers(method, self.client.host, canonical(path), body, at=at)
        return await self.client.request(method, path, headers=headers, body=body)


@asynccontextmanager
async def serving(
    on_connect: Handler = accept, on_default: Handler = accept, on_disconnect: Handler = accept, **names: Any
) -> AsyncIterator[Running]:
    clock = MovableClock()
    gateway = Gateway(on_connect, on_default, on_disconnect, clock=clock, **names)
    public = await asyncio.get_running_loop().create_server(gateway.socket, "127.0.0.1", 0)
    respond = responder(gateway, CREDENTIALS, REGION)
    internal = await http1.serve(respond, "127.0.0.1", 0, max_body_bytes=1_000_000)
    client = http1.Client(f"http://127.0.0.1:{internal.sockets[0].getsockname()[1]}")
    try:
        async with asyncio.timeout(4 * WAIT_SECONDS):
            yield Running(gateway, clock, public.sockets[0].getsockname()[1], client)
    finally:
        await gateway.aclose()
        await client.close()
        internal.close()
        public.close()


def write_frame(
    websocket: websockets.ClientConnection, opcode: Opcode, data: bytes, *, fin: bool = True
) -> None:
    """Send exactly this frame, which the client library might not send or might split."""
    websocket.transport.write(Frame(opcode, data, fin).serialize(mask=True))


async def ending(websocket: websockets.ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end of the socket and return the close code and reason that came."""
    async with asyncio.timeout(WAIT_SECONDS):
        await websocket.wait_closed()
    return websocket.close_code, websocket.close_reason
