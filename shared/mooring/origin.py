"""Blocking HTTP calls of the functions to one origin, over kept-alive connections.

A Lambda function handles one event at a time, so it needs no event loop; the local run calls the same
code from many threads, so idle connections are kept in a list that threads pop from and append to.

`http.client` sends head and body apart and reads the head as an e-mail's: three times the CPU per call on
this side and two wake-ups on the other, for each frame of a client.
"""

import socket
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_CHUNK_BYTES = 65_536
_MAX_HEAD_BYTES = 65_536
_BODILESS = frozenset({204, 304})  # RFC 9112, 6.3


class Origin:
    """Raises OSError when it cannot be reached, or does not answer in HTTP/1."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname, f"not an http(s) URL: {url}"
        self.host = parts.netloc
        self.path = parts.path.rstrip("/")
        """What the URL had after the host: the prefix of every target."""
        self._hostname = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
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

        A kept-alive connection that the other side closed meanwhile is replaced once.
        """
        fields = {"host": self.host, **(headers or {}), "content-length": str(len(body))}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        head = "\r\n".join(lines)
        if head.count("\n") != len(fields) or head.count("\r") != len(fields):
            raise ValueError("a target or a header holds a line break")
        message = head.encode("latin-1") + b"\r\n\r\n" + body
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._exchange(self._connect(), message)
        try:
            return self._exchange(connection, message)
        except (BrokenPipeError, ConnectionResetError):
            return self._exchange(self._connect(), message)

    def _connect(self) -> "_Connection":
        connected = socket.create_connection((self._hostname, self._port), self._timeout_seconds)
        if self._tls:
            connected = self._tls.wrap_socket(connected, server_hostname=self._hostname)
        # The end of a body over a segment's size is not to wait for the other side's delayed ACK.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Connection(connected)

    def _exchange(self, connection: "_Connection", message: bytes) -> tuple[int, bytes]:
        try:
            answer = connection.exchange(message)
        except BaseException:
            connection.close()
            raise
        if answer.is_kept_alive and connection.is_at_rest:
            self._idle.append(connection)
        else:
            connection.close()
        return answer.status, answer.body


class _Answer(NamedTuple):
    status: int
    body: bytes
    is_kept_alive: bool


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received = bytearray()
        """What has been read from the socket and is not used yet."""

    def close(self) -> None:
        self._socket.close()

    @property
    def is_at_rest(self) -> bool:
        """Nothing came after the answer."""
        return not self._received

    def exchange(self, message: bytes) -> _Answer:
        """Raises ConnectionResetError when the other side closed before it answered."""
        self._socket.sendall(message)
        self._received += self._socket.recv(_CHUNK_BYTES)
        if not self._received:
            raise ConnectionResetError("the connection was closed before the answer")
        while True:
            status, is_kept_alive, headers = self._head()
            if status >= 200:  # the others only announce the answer
                break
        if status in _BODILESS:
            return _Answer(status, b"", is_kept_alive)
        try:
            if "chunked" in headers.get("transfer-encoding", "").lower():
                return _Answer(status, self._chunks(), is_kept_alive)
            if "content-length" in headers:
                return _Answer(status, self._take(int(headers["content-length"])), is_kept_alive)
        except ValueError as error:
            raise ConnectionError("not an HTTP answer: its length is malformed") from error
        return _Answer(status, self._rest(), is_kept_alive=False)

    def _head(self) -> tuple[int, bool, dict[str, str]]:
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if not version.startswith("HTTP/1.") or not status[:3].isdigit():
            raise ConnectionError(f"not an HTTP answer: {first[:80]!r}")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        is_kept_alive = version != "HTTP/1.0" and headers.get("connection", "").lower() != "close"
        return int(status[:3]), is_kept_alive, headers

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._take(size))
            self._take(2)
        while self._until(b"\r\n"):
            pass  # trailers
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        while (end := self._received.find(mark)) < 0:
            if len(self._received) > _MAX_HEAD_BYTES:
                raise ConnectionError("not an HTTP answer: its head has no end")
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
            raise ConnectionError("the connection was closed within the answer")
        self._received += part
