"""A WebSocket client made for measuring: one protocol class, text messages, no extension."""

import asyncio
import base64
import hashlib
import secrets
from typing import cast
from urllib.parse import urlsplit

from benchmarks.session import BenchError, Session

# API Gateway takes no larger one; used towards every target, so that the wire is the same.
FRAME_BYTES = 32 * 1024

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FIN, _MASKED = 0x80, 0x80

# A client must mask (RFC 6455, 5.3); a key of zeros does, and costs the client nothing. What it would protect
# from, a proxy that takes a message for a request, is not on the loopback interface.
_MASK = b"\0\0\0\0"


class HandshakeRefused(BenchError):
    """The answer to the handshake was not 101."""


class WebSocketSession(Session):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    async def connect(self) -> None:
        parts = urlsplit(self._url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        assert parts.hostname and parts.port, "the address of a target"
        _, self._wire = await self._loop.create_connection(lambda: _Wire(self), parts.hostname, parts.port)
        await self._wire.shake_hands(parts.netloc, path)

    async def send(self, frame: bytes) -> None:
        self._wire.send_text(frame)

    async def close(self) -> None:
        await self._wire.close()


class _Wire(asyncio.Protocol):
    def __init__(self, session: Session) -> None:
        self._session = session
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        if not self._opened.done():
            self._opened.set_exception(HandshakeRefused("the connection was closed during the handshake"))
        self._session.lost("the WebSocket was closed")

    async def shake_hands(self, host: str, path: str) -> None:
        key = base64.b64encode(secrets.token_bytes(16))
        self._accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        self._transport.write(
            b"GET %b HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\nSec-WebSocket-Protocol: mcp\r\n\r\n"
            % (path.encode(), host.encode(), key)
        )
        await self._opened

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._opened.done() and not self._read_head():
            return
        while self._read_frame():
            pass

    def _read_head(self) -> bool:
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return False
        if not head.startswith(b"HTTP/1.1 101") or self._accept not in head:
            refusal = bytes(self._buffer).replace(b"\r\n", b" ").decode("latin-1")
            self._opened.set_exception(HandshakeRefused(refusal[:200]))
            self._transport.close()
            return False
        self._buffer = rest
        self._opened.set_result(None)
        return True

    def _read_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        start, size = 2, buffer[1]
        if size == 126:
            start, size = 4, int.from_bytes(buffer[2:4], "big")
        elif size == 127:
            start, size = 10, int.from_bytes(buffer[2:10], "big")
        if len(buffer) < start or len(buffer) < start + size:
            return False
        payload = bytes(memoryview(buffer)[start : start + size])
        first = buffer[0]
        del buffer[: start + size]
        self._take(first & 0x0F, bool(first & _FIN), payload)
        return True

    def _take(self, opcode: int, is_last: bool, payload: bytes) -> None:
        if opcode in (_TEXT, _BINARY, _CONTINUATION):
            if self._parts or not is_last:
                self._parts.append(payload)
                if not is_last:
                    return
                payload = b"".join(self._parts)
                self._parts.clear()
            self._session.received(payload)
        elif opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self._send(_CLOSE, payload[:2])
            self._transport.close()

    def send_text(self, text: bytes) -> None:
        if len(text) <= FRAME_BYTES:
            self._send(_TEXT, text)
            return
        for start in range(0, len(text), FRAME_BYTES):
            is_last = start + FRAME_BYTES >= len(text)
            opcode = _CONTINUATION if start else _TEXT
            self._send(opcode, text[start : start + FRAME_BYTES], is_last=is_last)

    def _send(self, opcode: int, payload: bytes, *, is_last: bool = True) -> None:
        first = opcode | (_FIN if is_last else 0)
        size = len(payload)
        if size < 126:
            head = bytes((first, _MASKED | size))
        else:
            head = bytes((first, _MASKED | 126)) + size.to_bytes(2, "big")
        self._transport.write(b"".join((head, _MASK, payload)))

    async def close(self) -> None:
        if not self._ended.done():
            self._send(_CLOSE, (1000).to_bytes(2, "big"))
            try:
                async with asyncio.timeout(2):
                    await self._ended
            except TimeoutError:
                self._transport.abort()
