"""A TCP connection that tests can cut: everything to and from a server goes through it, byte by byte."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """`lifetime_bytes` says after how many bytes from the server a new connection shall break; 0 is never."""

    def __init__(self, url: str, lifetime_bytes: Callable[[], int] = lambda: 0) -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._host, self._far_port = parts.hostname, parts.port
        self._lifetime_bytes = lifetime_bytes
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._counted = asyncio.Condition()
        self.connections = 0

    def through(self, url: str) -> str:
        """Return `url` with this cable's address in the place of the server's."""
        return url.replace(f":{self._far_port}", f":{self._port}", 1)

    async def plug_in(self) -> None:
        """Listen, after the first time on the same port."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def unplug(self) -> None:
        """Cut, and refuse connections from now on."""
        assert self._server
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection in both directions at once, as a machine that crashes does."""
        for writer in self._writers:
            writer.transport.abort()

    async def until_connections(self, number: int) -> None:
        """Wait until there have been so many connections."""
        async with self._counted:
            await self._counted.wait_for(lambda: self.connections >= number)

    async def close(self) -> None:
        self.unplug()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._live(near, back))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection(self._host, self._far_port)
        async with self._counted:
            self.connections += 1
            self._counted.notify_all()
        self._writers |= {back, forth}
        try:
            await asyncio.gather(self._carry(near, forth, 0), self._carry(far, back, self._lifetime_bytes()))
        finally:
            self._writers -= {back, forth}
            for writer in (back, forth):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lifetime: int) -> None:
        carried = 0
        with suppress(OSError):
            while chunk := await source.read(65_536):
                carried += len(chunk)
                if 0 < lifetime < carried:
                    sink.write(chunk[: lifetime - carried])  # the first part of a frame, perhaps
                    await sink.drain()
                    self.cut()
                    return
                sink.write(chunk)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def cable_to(url: str, lifetime_bytes: Callable[[], int] = lambda: 0) -> AsyncGenerator[Cable, None]:
    cable = Cable(url, lifetime_bytes)
    await cable.plug_in()
    try:
        yield cable
    finally:
        await cable.close()
