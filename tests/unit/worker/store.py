"""A store of bundles: archives by digest over HTTP, as slow or as broken as a test wants it."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from mooring import archives, trees
from mooring.http1 import Response


class Store:
    """`asked` counts requests by digest; what is in `answers` is answered instead of the archive."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, Response] = {}
        self.is_open = asyncio.Event()
        """Nothing is answered before."""
        self.is_open.set()
        self.archives: dict[str, bytes] = {}
        self.cuts: dict[str, int] = {}
        """After so many bytes of an archive nothing follows, not even the end."""

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        store = cls()
        server = await asyncio.start_server(store._serve, "127.0.0.1", 0)
        store.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield store
        finally:
            store.is_open.set()
            server.close()

    def put(self, files: Mapping[str, bytes], folder: Path) -> str:
        """Keep the archive of a bundle that holds these files; return its digest."""
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        trees.clean(folder)
        archive = io.BytesIO()
        archives.pack(folder, archive)
        digest = trees.digest(folder)
        self.archives[digest] = archive.getvalue()
        return digest

    def address(self, digest: str) -> str:
        return f"{self.url}/bundles/{digest}.tar.gz?X-Amz-Signature=s3cret"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            digest = target.partition("?")[0].rpartition("/")[2].removesuffix(".tar.gz")
            self.asked[digest] += 1
            await self.is_open.wait()
            archive = self.archives.get(digest)
            answer = Response(404) if archive is None else Response(200, archive)
            answer = self.answers.get(digest, answer)
            length = len(answer.body)
            writer.write(f"HTTP/1.1 {answer.status} X\r\ncontent-length: {length}\r\n\r\n".encode())
            writer.write(answer.body[: self.cuts.get(digest, length)])
            await writer.drain()
            await reader.read()  # until the other side has enough
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
