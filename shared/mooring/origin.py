"""Blocking HTTP/1.1 calls of the functions to one origin, over kept-alive connections: whole bodies, no more.

A Lambda function handles one event at a time, so it needs no event loop; the local run calls the same
code from many threads, so idle connections are kept in a list that threads pop from and append to.

`http.client` sends head and body apart and reads the head as an e-mail's: three times the CPU per call on
this side and two wake-ups on the other, for each frame of a client.
"""

import select
import socket
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

_CHUNK_BYTES = 65_536
_MAX_HEAD_BYTES = 65_536
_BODILESS = frozenset({204, 304})  # RFC 9112, 6.3
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


class Origin:
    """Raises OSError when it cannot be reached, or does not answer in HTTP/1.

    `timeout_seconds` bounds each wait for the network. `tls` replaces, for https, the public authorities.
    """

    def __init__(self, url: str, *, timeout_seconds: float, tls: "ssl.SSLContext | None" = None) -> None:
        parts = urlsplit(url)
        assert parts.hostname, f"not an http(s) URL: {url}"
        self.host = parts.netloc
        self.path = parts.path.rstrip("/")
        """What the URL had after the host: the prefix of every target."""
        self._hostname = parts.hostname
        self._tls = (tls or _public_authorities()) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._timeout_seconds = timeout_seconds
        self._idle: list[_Connection] = []

    def __del__(self) -> None:
        for connection in getattr(self, "_idle", ()):
            connection.close()

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send one request and return status and body.

        It is sent a second time when a kept-alive connection turns out to be closed before anything of an
        answer came: callers make requests that may be repeated.
        """
        fields = {"host": self.host, **(headers or {}), "content-length": str(len(body))}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        head = "\r\n".join(lines)
        if head.count("\n") != len(fields) or head.count("\r") != len(fields):
            raise ValueError("a target or a header holds a line break")
        message = head.encode("latin-1") + b"\r\n\r\n" + body
        if connection := self._idle_connection():
            try:
                return self._exchange(connection, message, has_body=method != "HEAD")
            except _ClosedBeforeAnswer:
                pass
        return self._exchange(self._connect(), message, has_body=method != "HEAD")

    def _idle_connection(self) -> "_Connection | None":
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread has taken it
                break
            if connection.is_quiet():
                return connection
            connection.close()
        return None

    def _connect(self) -> "_Connection":
        connected = socket.create_connection((self._hostname, self._port), self._timeout_seconds)
        try:
            # The end of a body over a segment's size is not to wait for the other side's delayed ACK.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connected = self._tls.wrap_socket(connected, server_hostname=self._hostname)
        except BaseException:
            connected.close()
            raise
        return _Connection(connected)

    def _exchange(self, connection: "_Connection", message: bytes, *, has_body: bool) -> tuple[int, bytes]:
        try:
            answer = connection.exchange(message, has_body=has_body)
        except BaseException:
            connection.close()
            raise
        if answer.is_last:
            connection.close()
        else:
            self._idle.append(connection)
        return answer.status, answer.body


@cache
def _public_authorities() -> "ssl.SSLContext":
    import ssl  # with some hundred certificates 20 ms, which a function that calls by http does not need

    return ssl.create_default_context()


class _ClosedBeforeAnswer(ConnectionResetError):
    """The connection ended before a byte of the answer came."""


class _Answer(NamedTuple):
    status: int
    body: bytes
    is_last: bool
    """The connection carries no other."""


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received = bytearray()
        """What has been read from the socket and is not used yet."""
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def close(self) -> None:
        self._socket.close()

    def is_quiet(self) -> bool:
        """Whether the other side has neither closed nor said what nobody asked for."""
        return not self._received and not self._poll.poll(0)

    def exchange(self, message: bytes, *, has_body: bool) -> _Answer:
        try:
            self._socket.sendall(message)
            self._receive()
        except TimeoutError:
            raise
        except OSError as error:
            raise _ClosedBeforeAnswer("the connection was closed before the answer") from error
        try:
            return self._answer(has_body=has_body)
        except ValueError as error:
            raise ConnectionError(f"not an HTTP answer: {error}") from error

    def _answer(self, *, has_body: bool) -> _Answer:
        """Raises ValueError when it is not HTTP."""
        while True:
            status, is_last, headers = self._head()
            if status >= 200:  # the others only announce the answer
                break
        if status in _BODILESS or not has_body:
            return _Answer(status, b"", is_last)
        if "transfer-encoding" in headers:
            return _Answer(status, self._chunks(headers["transfer-encoding"]), is_last)
        if "content-length" in headers:
            return _Answer(status, self._take(_size(headers["content-length"], 10)), is_last)
        return _Answer(status, self._rest(), is_last=True)

    def _head(self) -> tuple[int, bool, dict[str, str]]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not status[:3].isdigit():
            raise ValueError(f"it begins with {first[:80]!r}")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        is_last = version == "HTTP/1.0" or "close" in headers.get("connection", "").lower()
        return int(status[:3]), is_last, headers

    def _chunks(self, coding: str) -> bytes:
        if coding.lower() != "chunked":
            raise ValueError(f"its transfer coding is {coding[:80]!r}")
        parts = []
        while size := _size(self._until(b"\r\n").partition(b";")[0].decode("latin-1"), 16):
            parts.append(self._take(size))
            if self._take(2) != b"\r\n":
                raise ValueError("a chunk is longer than its size")
        while self._until(b"\r\n"):
            pass  # trailers
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        while (end := self._received.find(mark)) < 0:
            if len(self._received) > _MAX_HEAD_BYTES:
                raise ValueError("its head has no end")
            self._receive()
        found = bytes(self._received[:end])
        del self._received[: end + len(mark)]
        return found

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _rest(self) -> bytes:
        while part := self._socket.recv(_CHUNK_BYTES):
            self._received += part
        return self._take(len(self._received))

    def _receive(self) -> None:
        part = self._socket.recv(_CHUNK_BYTES)
        if not part:
            raise ConnectionResetError("the connection was closed within the answer")
        self._received += part


def _size(text: str, radix: int) -> int:
    if not _HEX_DIGITS.issuperset(text.strip()):  # `int` alone takes signs, underscores and "0x" too
        raise ValueError(f"a length is {text[:80]!r}")
    return int(text, radix)
