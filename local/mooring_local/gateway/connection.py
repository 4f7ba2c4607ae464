"""One connection: a client's socket and the calls of the three routes that it causes."""

import json
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from websockets.http11 import Request

from mooring_local.gateway import events, limits
from mooring_local.gateway.answer import Answer
from mooring_local.gateway.calls import CallFailed, Calls, Function
from mooring_local.gateway.clock import Clock
from mooring_local.gateway.events import Api, new_id
from mooring_local.gateway.websocket import Ending, WebSocket


@dataclass(frozen=True)
class Routes:
    """The functions behind $connect, $default and $disconnect."""

    connect: Function
    default: Function
    disconnect: Function


class Refused(Exception):
    """The handshake is answered with `answer`, an HTTP response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Connection:
    """From the handshake to the end of $disconnect."""

    def __init__(
        self, socket: WebSocket, request: Request, api: Api, routes: Routes, calls: Calls, clock: Clock
    ) -> None:
        self.id = new_id()
        self.connected_at = self.last_active_at = clock.now()
        self.source_ip = socket.peer
        self.user_agent = next(iter(request.headers.get_all("User-Agent")), None)
        self._context = events.connection_context(
            api, self.id, self.connected_at, self.source_ip, self.user_agent
        )
        self._socket = socket
        self._request = request
        self._stage_path = f"/{api.stage}"
        self._routes = routes
        self._calls = calls
        self._clock = clock

    async def live(self, open_connections: MutableMapping[str, "Connection"]) -> None:
        """Go through the routes in order; be in `open_connections` from the first to the last."""
        try:
            subprotocol = await self._connect()
        except Refused as refusal:
            answer = refusal.answer
            self._socket.refuse(answer.status, answer.headers, answer.body.encode())
            return
        open_connections[self.id] = self
        self._socket.accept(subprotocol, self._take, self._ping)
        ending = await self._socket.ended
        del open_connections[self.id]
        await self._disconnect(ending)

    @property
    def is_open(self) -> bool:
        return self._socket.is_open

    @property
    def buffered_bytes(self) -> int:
        return self._socket.buffered_bytes

    def send(self, frame: bytes) -> None:
        """Send one message, which must be UTF-8, on an open connection."""
        self.last_active_at = self._clock.now()
        self._socket.send(frame)

    def close(self, code: int, reason: str) -> None:
        self._socket.close(code, reason)

    async def _connect(self) -> str | None:
        """Return the subprotocol to accept with; raise Refused."""
        url = urlsplit(self._request.path)
        request_id = new_id()
        if len(self._request.path) > limits.URL_CHARACTERS:
            raise self._refused(414, "URI Too Long", request_id)
        if url.path.rstrip("/") != self._stage_path:
            raise self._refused(403, "Forbidden", request_id)
        headers = self._request.headers
        event = events.connect(self._context, request_id, self.connected_at, url.query, headers.raw_items())
        try:
            answer = await self._calls.run(self._routes.connect, event)
        except CallFailed as failure:
            raise self._refused(failure.http_status, failure.message, request_id) from failure
        if answer.status != 200:
            raise Refused(answer)
        chosen = answer.header("sec-websocket-protocol")
        return chosen if chosen in self._offered_subprotocols() else None

    def _offered_subprotocols(self) -> set[str]:
        offers = self._request.headers.get_all("Sec-WebSocket-Protocol")
        return {name.strip() for offer in offers for name in offer.split(",")}

    def _take(self, text: str) -> None:
        now = self.last_active_at = self._clock.now()
        request_id = new_id()
        event = events.message(self._context, request_id, now, new_id(), text)
        failed = partial(self._report, request_id)
        self._calls.submit(self._routes.default, event, failed=failed)

    def _report(self, request_id: str, failure: CallFailed) -> None:
        if self.is_open:
            self.send(self._failure(failure.message, request_id).encode())

    def _ping(self) -> None:
        if limits.PING_IS_ACTIVITY:
            self.last_active_at = self._clock.now()

    async def _disconnect(self, ending: Ending) -> None:
        event = events.disconnect(self._context, new_id(), self._clock.now(), ending.code, ending.reason)
        with suppress(CallFailed):  # logged; there is nobody to tell
            await self._calls.run(self._routes.disconnect, event)

    def _refused(self, status: int, message: str, request_id: str) -> Refused:
        headers = {"Content-Type": "application/json"}
        return Refused(Answer(status, headers, self._failure(message, request_id)))

    def _failure(self, message: str, request_id: str) -> str:
        return json.dumps({"message": message, "connectionId": self.id, "requestId": request_id})
