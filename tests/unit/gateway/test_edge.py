"""The public port: what is routed where, and what a handler sees of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mooring_local.gateway.edge import make_protocol, route
from tests.unit.gateway.running import WAIT_SECONDS, Inbox, serving

CASES = json.loads(Path(__file__).with_name("edge_cases.json").read_text(encoding="utf-8"))

GET = b"GET /servers HTTP/1.1\r\nHost: h\r\n\r\n"
UPGRADE = (
    b"GET /acme/weather/ws?x=1 HTTP/1.1\r\nHost: h\r\nX-MiXed: yes\r\nConnection: keep-alive, Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_target_is_routed_as_the_table_says(case: dict[str, Any]) -> None:
    assert route(case["target"]) == case["query"]


async def registry(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that waits for the body and says which path it was asked for."""
    await receive()
    body = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def edge(connects: Inbox, app: Any = registry) -> AsyncIterator[int]:
    """Give the port of a uvicorn with the registry and a gateway behind it."""
    async with edge_server(connects, app) as server:
        yield server.servers[0].sockets[0].getsockname()[1]


@asynccontextmanager
async def edge_server(connects: Inbox, app: Any = registry) -> AsyncIterator[uvicorn.Server]:
    async with serving(on_connect=connects) as running:
        protocol = make_protocol(running.gateway)
        config = uvicorn.Config(app, port=0, http=protocol, ws="none", lifespan="off", log_config=None)
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        try:
            yield server
        finally:
            server.servers[0].close()
            for connection in tuple(server.server_state.connections):
                connection.shutdown()


async def head(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(WAIT_SECONDS):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_handshake_reaches_the_gateway_with_its_path_as_a_parameter() -> None:
    connects = Inbox()
    async with edge(connects) as port, connect(f"ws://127.0.0.1:{port}/@Acme/weather/ws?a=%20b") as client:
        event = await connects.next()
        assert event["queryStringParameters"] == {"_server": "@Acme/weather", "a": " b"}
        pong = await client.ping()
        async with asyncio.timeout(WAIT_SECONDS):
            await pong


async def test_headers_keep_their_letter_case_on_the_way() -> None:
    connects = Inbox()
    async with edge(connects) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE)
        assert b" 101 " in await head(reader)
        headers = (await connects.next())["headers"]
        assert headers["X-MiXed"] == "yes"
        assert "x-mixed" not in headers
        writer.close()


async def test_a_head_in_pieces_is_one_handshake() -> None:
    connects = Inbox()
    async with edge(connects) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for start in range(0, len(UPGRADE), 40):
            writer.write(UPGRADE[start : start + 40])
            await asyncio.to_thread(int)  # give the server a turn
        assert b" 101 " in await head(reader)
        assert (await connects.next())["headers"]["X-MiXed"] == "yes"
        writer.close()


async def test_everything_else_goes_to_the_registry() -> None:
    connects = Inbox()
    async with edge(connects) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(GET)
            assert b" 200 " in await head(reader)
            assert await reader.readexactly(8) == b"/servers"
        writer.write(GET.replace(b"/servers", b"/a/b/ws"))
        assert b" 200 " in await head(reader)
        writer.close()
    assert connects.is_empty


async def test_a_handshake_may_follow_a_request_on_the_same_connection() -> None:
    connects = Inbox()
    async with edge(connects) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"Host: h", b"Host: h\r\nX-First: 1"))
        await head(reader)
        await reader.readexactly(8)
        writer.write(UPGRADE)
        assert b" 101 " in await head(reader)
        event = await connects.next()
        assert event["queryStringParameters"]["_server"] == "acme/weather"
        assert "X-First" not in event["headers"]
        writer.close()


async def test_a_handshake_before_the_answer_to_a_request_ends_the_connection_after_that_answer() -> None:
    connects, go_on = Inbox(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        await registry(scope, receive, send)

    async with edge(connects, slow) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET + UPGRADE)
        await asyncio.to_thread(int)
        go_on.set()
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n/servers")
        writer.close()
    assert connects.is_empty


async def test_a_handshake_for_any_other_path_gets_404() -> None:
    connects = Inbox()
    async with edge(connects) as port:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/servers")
        assert refused.value.response.status_code == 404
        assert json.loads(refused.value.response.body)["error"] == "ServerNotFound"
    assert connects.is_empty


async def test_the_path_of_the_stage_is_not_public() -> None:
    """`/local?_server=` would choose the server without the edge."""
    async with edge(Inbox()) as port:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/local?_server=a%2Fb")
        assert refused.value.response.status_code == 404


async def test_an_upgrade_to_another_protocol_is_a_plain_request() -> None:
    async with edge(Inbox()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"))
        assert b" 200 " in await head(reader)
        writer.close()


async def test_uvicorn_no_longer_counts_a_connection_that_the_gateway_has() -> None:
    """It would cut it, without a close frame, when it stops."""
    async with edge_server(Inbox()) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/a/b/ws"):
            assert not server.server_state.connections
