"""The server: a protocol object per connection, no task per request."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

import httptools

from mooring.http1.messages import Message, Request, Response, write

_BACKLOG = 1024

Respond = Callable[[Request], Response | Awaitable[Response]]
Address = tuple[str, int]
Admits = Callable[[Address, Address], bool]
"""Says of a connection, by the addresses of the other side and of ours, whether it is served."""


async def serve(
    respond: Respond, host: str, port: int, *, max_body_bytes: int, admits: Admits | None = None
) -> asyncio.Server:
    """Serve `respond`, a plain function or a coroutine function; it must not raise.

    Requests of one connection are answered in turn; a body over `max_body_bytes` is refused with 413. A
    connection that `admits` does not admit is closed without a word.
    """
    return await asyncio.get_running_loop().create_server(
        lambda: _ServerProtocol(respond, max_body_bytes, admits), host, port, backlog=_BACKLOG
    )


async def serve_on(listener: socket.socket, respond: Respond, *, max_body_bytes: int) -> asyncio.Server:
    """Serve as `serve` does, on a socket that is bound already."""
    return await asyncio.get_running_loop().create_server(
        lambda: _ServerProtocol(respond, max_body_bytes), sock=listener, backlog=_BACKLOG
    )


class _ServerProtocol(Message, asyncio.Protocol):
    def __init__(self, respond: Respond, max_body_bytes: int, admits: Admits | None = None) -> None:
        self._respond = respond
        self._admits = admits
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Future[None] | None = None
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if self._admits:
            peer, own = (transport.get_extra_info(name)[:2] for name in ("peername", "sockname"))
            if not self._admits(peer, own):
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(400)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._target = b""

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_body(self, part: bytes) -> None:
        super().on_body(part)
        if self.size_bytes > self._max_body_bytes:
            self._refuse(413)

    def on_message_complete(self) -> None:
        if self._transport.is_closing():
            return
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, self._target.decode("latin-1"), self.headers, self.body())
        if self._task:
            self._waiting.append(request)
            return
        answer = self._respond(request)
        if isinstance(answer, Response):
            self._send(answer)
        else:
            self._task = asyncio.ensure_future(self._answer(answer))

    async def _answer(self, answer: Awaitable[Response]) -> None:
        while True:
            self._send(await answer)
            if not self._waiting:
                break
            following = self._respond(self._waiting.popleft())
            answer = _ready(following) if isinstance(following, Response) else following
        self._task = None

    def _send(self, response: Response) -> None:
        write(self._transport, _head(response), response.body)

    def _refuse(self, status: int) -> None:
        if not self._transport.is_closing():
            self._send(Response(status, headers={"connection": "close"}))
            self._transport.close()


async def _ready(response: Response) -> Response:
    return response


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


def _head(response: Response) -> bytes:
    lines = [_STATUS_LINES[response.status]]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
    lines.append(f"content-length: {len(response.body)}\r\n\r\n" if response.status != 204 else "\r\n")
    return "".join(lines).encode("latin-1")
