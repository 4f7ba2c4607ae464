"""A session as a stdio server sees its client: one JSON-RPC message per line.

Any program that can only start stdio servers can so use a hosted one. Messages pass unread.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO

from mooring.client.session import Session
from mooring.errors import FrameTooLarge, MooringError
from mooring.jsonrpc import error_frame, request_ids

_CHUNK_BYTES = 65_536  # what a pipe holds on Linux
_LAST_FRAMES_SECONDS = 2.0  # how long what has arrived may take to be written at the end
_CHUNKS_AHEAD = 4  # read and not yet sent: whoever writes faster than the network waits


async def relay(session: Session, source: int, sink: BinaryIO) -> None:
    """Carry lines of the file descriptor `source` to the session and its frames to `sink`, as lines.

    Returns after `source` ended and the session was closed.

    Raises:
        MooringError: the session ended first; class and message say why.
        BrokenPipeError: nobody reads `sink` any more.
    """
    sending = asyncio.create_task(_send_lines(session, source, sink))
    receiving = asyncio.create_task(_write_frames(session, sink))
    try:
        await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            with suppress(MooringError):  # `receiving` tells it
                await sending
                await session.close()
                await asyncio.wait((receiving,), timeout=_LAST_FRAMES_SECONDS)
                return
        await receiving
    finally:
        sending.cancel()
        receiving.cancel()
        await session.close()


async def _send_lines(session: Session, source: int, sink: BinaryIO) -> None:
    async for line in _lines(source):
        try:
            await session.send(line)
        except FrameTooLarge as error:
            for id_text in request_ids(line.decode(errors="replace")):
                _write_line(sink, error_frame(id_text, error.as_jsonrpc()).encode())


async def _write_frames(session: Session, sink: BinaryIO) -> None:
    while True:
        _write_line(sink, await session.receive())


def _write_line(sink: BinaryIO, frame: bytes) -> None:
    # Between the tokens of JSON a newline is white space; inside of them there can be none.
    sink.write(frame.replace(b"\n", b" ") + b"\n")
    sink.flush()


async def _lines(source: int) -> AsyncIterator[bytes]:
    """Yield the lines of `source` that are not empty, without their ends."""
    partial = bytearray()
    async for chunk in _chunks(source):
        partial += chunk
        if b"\n" in chunk:
            *lines, rest = partial.split(b"\n")
            partial = rest
            for line in lines:
                if line.strip():
                    yield bytes(line)
    if partial.strip():
        yield bytes(partial)


async def _chunks(source: int) -> AsyncIterator[bytes]:
    """Read in a thread: event loops cannot wait for files, and make a shared terminal non-blocking."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)

    def read() -> None:
        chunk = b"."
        while chunk:
            room.acquire()
            chunk = os.read(source, _CHUNK_BYTES)
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except RuntimeError:  # the loop is closed: the other side ended first
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while chunk := await chunks.get():
        yield chunk
        room.release()
