"""`mooring connect` without the command: a session relayed to file descriptors."""

import asyncio
import io
import json
import os
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from mooring.client import lines
from mooring.client.connection import MAX_FRAGMENT_BYTES, MAX_MESSAGE_BYTES
from mooring.client.patience import Patience
from mooring.client.session import Session
from mooring.errors import ConnectionGone, FrameTooLarge


@asynccontextmanager
async def serving(answer: Callable[[ServerConnection], Awaitable[None]]) -> AsyncGenerator[str, None]:
    # What API Gateway enforces: one frame of at most 32 KB, a message of at most 128 KB.
    limits = (MAX_MESSAGE_BYTES, MAX_FRAGMENT_BYTES)
    async with serve(answer, "127.0.0.1", 0, compression=None, max_size=limits) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def echo(socket: ServerConnection) -> None:
    async for frame in socket:
        await socket.send(frame)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Session, None]:
    session = Session(url, patience=Patience(window_seconds=0))
    await session.open()
    try:
        yield session
    finally:
        await session.close()


@contextmanager
def typed(content: bytes) -> Iterator[int]:
    """Provide a file with `content` in it, as a shell's `<` does."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


async def test_lines_leave_as_frames_and_frames_come_back_as_lines_unchanged() -> None:
    spoken = ['{"jsonrpc":"2.0","id":1.0,"method":"é"}', "not json at all", '{"id": "1" }']
    heard: list[str | bytes] = []
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        await socket.send("from the\nserver")
        heard.extend([frame async for frame in socket])
        codes.put_nowait(socket.close_code)

    sink = io.BytesIO()
    async with asyncio.timeout(5), serving(listen) as url, opened(url) as session:
        with typed("\n".join([*spoken, "", ""]).encode()) as source:
            await lines.relay(session, source, sink)
        code = await codes.get()

    assert heard == spoken
    assert sink.getvalue() == b"from the server\n"
    assert code == 1000


async def test_a_line_over_the_frame_limit_arrives_in_fragments() -> None:
    arrived: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        async for frame in socket:
            arrived.put_nowait(frame)

    line = b"x" * MAX_MESSAGE_BYTES
    async with asyncio.timeout(5), serving(listen) as url, opened(url) as session:
        with typed(line + b"\n") as source:
            await lines.relay(session, source, io.BytesIO())
        assert await arrived.get() == line.decode()


async def test_a_request_over_the_message_limit_is_answered_under_its_own_id() -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": "big", "method": "x" * MAX_MESSAGE_BYTES}).encode()
    sink = io.BytesIO()
    async with asyncio.timeout(5), serving(echo) as url, opened(url) as session:
        with typed(request + b"\n") as source:
            await lines.relay(session, source, sink)

    answer = json.loads(sink.getvalue())
    assert answer["id"] == "big"
    assert answer["error"]["code"] == FrameTooLarge.jsonrpc_code


async def test_a_last_line_without_an_end_is_sent_as_well() -> None:
    arrived: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        async for frame in socket:
            arrived.put_nowait(frame)

    async with asyncio.timeout(5), serving(listen) as url, opened(url) as session:
        with typed(b"unended") as source:
            await lines.relay(session, source, io.BytesIO())
        assert await arrived.get() == "unended"


async def test_a_session_that_is_lost_for_good_ends_the_relay_with_the_reason() -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.close(1001, "going away")

    reading, writing = os.pipe()  # nobody types, nobody ends it
    try:
        async with asyncio.timeout(5), serving(leave) as url, opened(url) as session:
            with pytest.raises(ConnectionGone):
                await lines.relay(session, reading, io.BytesIO())
    finally:
        os.close(writing)
