"""The WebSocket API as a whole: what is open, what is due, how it ends."""

import asyncio

from websockets.http11 import Request

from mooring_local.gateway import limits
from mooring_local.gateway.calls import Calls, Function, Handler
from mooring_local.gateway.clock import Clock
from mooring_local.gateway.connection import Connection, Routes
from mooring_local.gateway.disorder import Disorder
from mooring_local.gateway.events import Api
from mooring_local.gateway.websocket import WebSocket

_SWEEP_SECONDS = 1.0
_CLOSE_SECONDS = 10.0  # for the $disconnect calls of everybody, when the gateway closes


class Gateway:
    """One API with its three routes. Make it in the event loop that serves it."""

    def __init__(
        self,
        on_connect: Handler,
        on_default: Handler,
        on_disconnect: Handler,
        *,
        clock: Clock | None = None,
        disorder: Disorder | None = None,
        stage: str = "local",
        api_id: str = "mooring000",
        domain_name: str = "localhost",
    ) -> None:
        self.api = Api(stage, api_id, domain_name)
        self.connections: dict[str, Connection] = {}
        """The accepted ones, by id; one may be closed already and not know it, see `is_open`."""
        self._routes = Routes(
            Function("ws_connect", on_connect),
            Function("ws_default", on_default),
            Function("ws_disconnect", on_disconnect),
        )
        self._clock = clock or Clock()
        self._clock.on_move(self._sweep)
        self._calls = Calls(self._clock, disorder)
        self._lives: dict[asyncio.Task[None], WebSocket] = {}
        self._is_closing = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_SWEEP_SECONDS, self._tick)

    def socket(self) -> WebSocket:
        """Return the protocol object of a new client: an asyncio protocol factory."""
        return WebSocket(self._begin)

    async def aclose(self) -> None:
        """Close every socket with 1001 and wait, a bounded time, for what that makes the handlers do."""
        self._timer.cancel()
        self._is_closing = True
        for socket in self._lives.values():
            socket.close(1001, "Going away")
        if self._lives:
            await asyncio.wait(tuple(self._lives), timeout=_CLOSE_SECONDS)
        self._calls.close()

    def _begin(self, socket: WebSocket, request: Request) -> None:
        if self._is_closing:
            socket.refuse(503, {}, b"")
            return
        connection = Connection(socket, request, self.api, self._routes, self._calls, self._clock)
        life = self._loop.create_task(connection.live(self.connections))
        self._lives[life] = socket
        life.add_done_callback(self._lives.pop)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_SWEEP_SECONDS, self._tick)
        self._sweep()

    def _sweep(self) -> None:
        """Cut what is idle or old, and report the calls that took too long."""
        now = self._clock.now()
        for connection in tuple(self.connections.values()):
            idle_seconds = now - connection.last_active_at
            age_seconds = now - connection.connected_at
            if idle_seconds >= limits.IDLE_SECONDS or age_seconds >= limits.DURATION_SECONDS:
                connection.close(1001, "Going away")
        self._calls.expire()
