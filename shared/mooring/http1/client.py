"""The client: kept-alive connections to one origin."""

import asyncio
import ssl
from typing import cast
from urllib.parse import urlsplit

import httptools

from mooring.http1.messages import Headers, Message, Response, write


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


class _ClientProtocol(Message, asyncio.Protocol):
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
        write(self._transport, head, body)
        return self._answer

    def abort(self) -> None:
        self.is_open = False
        self._transport.abort()
