"""HTTP/1.1 between Mooring's own processes: keep-alive, whole bodies, nothing else.

The relay makes two HTTP exchanges per message, so their cost is the product's cost: this server and
this client are a protocol class each over httptools' C parser, with no task per request: three to five
times the requests per CPU-second of a general framework (`docs/decisions`). What faces the public is
not served by this module.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import httptools

Headers = Mapping[str, str]

_BACKLOG = 1024
_LONG_BYTES = 16_384  # from here on a copy costs more than a second buffer


@dataclass(slots=True)
class Request:
    """One request, read to its end. Header names are in lower case; `target` is as sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


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


class _Message:
    """What httptools' callbacks collect of the message at hand."""

    def on_message_begin(self) -> None:
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)
        self.size_bytes += len(part)

    def body(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class _ServerProtocol(_Message, asyncio.Protocol):
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
        _write(self._transport, _head(response), response.body)

    def _refuse(self, status: int) -> None:
        if not self._transport.is_closing():
            self._send(Response(status, headers={"connection": "close"}))
            self._transport.close()


async def _ready(response: Response) -> Response:
    return response


def _write(transport: asyncio.WriteTransport, head: bytes, body: bytes) -> None:
    if len(body) < _LONG_BYTES:
        transport.write(head + body)
    else:
        transport.writelines((head, body))  # uvloop passes on what it gets, without a copy


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


def _head(response: Response) -> bytes:
    lines = [_STATUS_LINES[response.status]]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
    lines.append(f"content-length: {len(response.body)}\r\n\r\n" if response.status != 204 else "\r\n")
    return "".join(lines).encode("latin-1")


class Client:
    """Requests to one origin over at most `connections` kept-alive connections."""

    def __init__(self, url: str, *, connections: int = 64) -> None:
        parts = urlsplit(url)
        assert parts.hostname, f"not an http(s) URL: {url}"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._hostname = parts.hostname
        self._port = parts.port or (443 if self._tls else 80)
        self.host = parts.netloc.rpartition("@")[2]
        self._idle: list[_ClientProtocol] = []
        self._slots = asyncio.Semaphore(connections)

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Headers | None = None,
        body: bytes = b"",
        timeout_seconds: float = 10.0,
        is_repeatable: bool = True,
    ) -> Response:
        """Send one request and return its answer, whatever its status.

        A kept-alive connection that the other side has just closed is replaced once, only if nothing of
        the answer had arrived; not so if the request is not `is_repeatable`: it may have been carried out.

        Raises:
            NotSent: the origin has seen nothing of the request.
            OSError: the origin cannot be reached or broke the connection (TimeoutError is one).
        """
        lines = [f"{method} {target} HTTP/1.1\r\n"]
        fields = {"host": self.host, **(headers or {})}
        lines += [f"{name}: {value}\r\n" for name, value in fields.items()]
        lines.append(f"content-length: {len(body)}\r\n\r\n")
        head = "".join(lines).encode("latin-1")
        async with self._slots, asyncio.timeout(timeout_seconds) as limit:
            while self._idle:
                connection = self._idle.pop()
                if connection.is_open:
                    try:
                        return await self._exchange(connection, head, body)
                    except _ClosedBeforeAnswer:
                        if not is_repeatable:
                            raise
                        break
            connection = await self._connect(cast(float, limit.when()))
            return await self._exchange(connection, head, body)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self, until: float) -> "_ClientProtocol":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until - _MARGIN_SECONDS):
                _, protocol = await loop.create_connection(
                    _ClientProtocol, self._hostname, self._port, ssl=self._tls
                )
        except OSError as error:
            raise NotSent(f"not connected: {error!r}") from error
        return protocol

    async def _exchange(self, connection: "_ClientProtocol", head: bytes, body: bytes) -> Response:
        try:
            response = await connection.exchange(head, body)
        except BaseException:
            connection.abort()  # a cancelled exchange must not leave its answer to the next one
            raise
        if connection.is_open:
            self._idle.append(connection)
        return response


_MARGIN_SECONDS = 0.01  # so that a connection that takes too long is not taken for an answer that does


class NotSent(ConnectionError):
    """There is no connection to the origin, so that it has seen nothing of the request."""


class _ClosedBeforeAnswer(ConnectionResetError):
    """The connection ended before a byte of the answer came."""


class _ClientProtocol(_Message, asyncio.Protocol):
    def __init__(self) -> None:
        self._answer: asyncio.Future[Response] | None = None
        self._began = False
        self.is_open = True
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer and not self._answer.done():
            reason = "the connection was closed"
            lost = ConnectionResetError(reason) if self._began else _ClosedBeforeAnswer(reason)
            self._answer.set_exception(lost)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._began = True

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.is_open = False
            self._transport.close()
        if self._answer and not self._answer.done():
            self._answer.set_result(Response(status, self.body(), self.headers))

    def exchange(self, head: bytes, body: bytes) -> asyncio.Future[Response]:
        self._began = False
        self._answer = asyncio.get_running_loop().create_future()
        _write(self._transport, head, body)
        return self._answer

    def abort(self) -> None:
        self.is_open = False
        self._transport.abort()
