"""Blocking HTTP calls of the functions to one origin, over kept-alive connections.

A Lambda function handles one event at a time, so it needs no event loop; the local run calls the same
code from many threads, so idle connections are kept in a list that threads pop from and append to.
"""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit


class Origin:
    """Raises OSError (http.client.HTTPException is turned into one) when it cannot be reached."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.path = parts.path.rstrip("/")
        """What the URL had after the host: the prefix of every target."""
        self._tls = parts.scheme == "https"
        self._timeout_seconds = timeout_seconds
        self._idle: list[http.client.HTTPConnection] = []

    def __del__(self) -> None:
        for connection in self._idle:
            connection.close()

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send one request and return status and body.

        A kept-alive connection that the other side closed meanwhile is replaced once.
        """
        sent = dict(headers or {})
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._exchange(self._connect(), method, target, body, sent)
        try:
            return self._exchange(connection, method, target, body, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            return self._exchange(self._connect(), method, target, body, sent)

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        return kind(self.host, timeout=self._timeout_seconds)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str],
    ) -> tuple[int, bytes]:
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            content = response.read()
        except OSError:
            connection.close()
            raise
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(f"not an HTTP answer: {error!r}") from error
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, content
