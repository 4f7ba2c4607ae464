"""The only way out of an isolated build: a proxy on a socket in its folder, to the world outside, over TLS.

A build has no network of its own. What it downloads goes through here, by `CONNECT host:port` (npm, pip and
git do that where HTTPS_PROXY says so). Each name is resolved here and the connection goes to the address that
was looked at: so no build reaches the tables, the workers or anything else on this machine or beside it.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mooring.public_addresses import is_internal

SOCKET = "egress.sock"

_MAX_HEAD_BYTES = 8192
_HEAD_SECONDS = 10.0
_CONNECT_SECONDS = 30.0
_CHUNK_BYTES = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Refused(Exception):
    """Carries the status line's status and reason."""


class Egress:
    """`allowed` are hosts (`host` or `host:port`) of one's own network that builds may reach all the same, a
    mirror of packages for one; `upstream` is the address of the proxy that this machine itself goes through.
    """

    def __init__(self, allowed: Collection[str] = (), upstream: str = "") -> None:
        self._allowed = frozenset(allowed)
        self._upstream = upstream

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[None]:
        """Serve at the socket in `folder`."""
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_unix_server(accept, folder / SOCKET, limit=_MAX_HEAD_BYTES)
        try:
            yield
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            host, port = _target(head)
            async with asyncio.timeout(_CONNECT_SECONDS):
                there = await self._connect(host, port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _pump((reader, writer), there)
        except _Refused as refused:
            writer.write(f"HTTP/1.1 {refused}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.write(b"HTTP/1.1 502 Not reached\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        finally:
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _connect(self, host: str, port: int) -> Streams:
        is_allowed = host in self._allowed or f"{host}:{port}" in self._allowed
        if self._upstream and not is_allowed:
            return await self._through(host, port)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        if not is_allowed and any(map(is_internal, addresses)):
            raise _Refused("403 An address inside")
        failure: OSError = OSError(f"{host} has no address")
        for address in dict.fromkeys(addresses):
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                failure = error
        raise failure

    async def _through(self, host: str, port: int) -> Streams:
        """Go through the machine's own proxy, which resolves names; of private addresses it sees none."""
        if host == "localhost" or ((host.replace(".", "").isdigit() or ":" in host) and is_internal(host)):
            raise _Refused("403 An address inside")
        parts = urlsplit(self._upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        credentials = ""
        if parts.username:
            plain = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            credentials = f"Proxy-Authorization: Basic {base64.b64encode(plain.encode()).decode()}\r\n"
        writer.write(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{credentials}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.partition(b"\r\n")[0] + b" ":
            writer.close()
            raise _Refused("502 Refused by the proxy")
        return reader, writer


def _target(head: bytes) -> tuple[str, int]:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    if method != "CONNECT":
        raise _Refused("405 Only CONNECT, for https")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    host = host.strip("[]").lower()
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise _Refused("400 No host and port")
    return host, int(port)


async def _pump(one: Streams, other: Streams) -> None:
    """Pass on what comes from either side until both have ended."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            writer.close()

    try:
        await asyncio.gather(pass_on(one[0], other[1]), pass_on(other[0], one[1]))
    finally:
        other[1].close()
