"""MCP over a real WebSocket, against servers that answer by hand."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mooring import errors
from mooring.client import websocket_transport
from mooring.client.connection import MAX_FRAGMENT_BYTES, MAX_MESSAGE_BYTES
from mooring.client.patience import Patience
from mooring.errors import ConnectionGone, FrameTooLarge, MooringError, SessionNotFound

NONE = Patience(window_seconds=0)

Answer = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer, **options: Any) -> AsyncGenerator[str, None]:
    server = await serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol("mcp")], **options)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/demo/echo/ws"


def result(request: dict[str, Any], value: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value})


async def speak_mcp(socket: ServerConnection) -> None:
    """A minimal server of the handshake era with one tool, `size`, that tells how long its argument is."""
    async for frame in socket:
        request = json.loads(frame)
        match request["method"]:
            case "initialize":
                version = request["params"]["protocolVersion"]
                about = {"name": "hand-made", "version": "1"}
                answer = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
                await socket.send(result(request, answer))
            case "tools/list":
                tool = {"name": "size", "description": "Count", "inputSchema": {"type": "object"}}
                await socket.send(result(request, {"tools": [tool]}))
            case "tools/call":
                size = str(len(request["params"]["arguments"]["text"]))
                await socket.send(result(request, {"content": [{"type": "text", "text": size}]}))
            case _ if "id" in request:
                error = {"code": -32601, "message": "Method not found"}
                await socket.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}))


def as_text(block: Any) -> str:
    text: str = block.text
    return text


async def test_a_stock_client_calls_a_tool() -> None:
    async with asyncio.timeout(5), serving(speak_mcp) as url, Client(websocket_transport(url)) as client:
        tools = await client.list_tools()
        answer = await client.call_tool("size", {"text": "four"})

    assert [tool.name for tool in tools.tools] == ["size"]
    assert as_text(answer.content[0]) == "4"


async def test_a_client_session_works_on_its_streams() -> None:
    async with (
        asyncio.timeout(5),
        serving(speak_mcp) as url,
        websocket_transport(url) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        tools = await session.list_tools()

    assert tools.tools[0].name == "size"


async def test_the_handshake_offers_mcp_and_carries_the_headers() -> None:
    seen: dict[str, str] = {}

    async def remember(socket: ServerConnection) -> None:
        assert socket.request
        seen.update(socket.request.headers.raw_items())
        seen["chosen"] = str(socket.subprotocol)

    async with asyncio.timeout(5), serving(remember) as url:
        key = {"Authorization": "Bearer mk_1"}
        async with websocket_transport(url, headers=key, patience=NONE) as (incoming, _):
            assert isinstance(await incoming.__anext__(), ConnectionGone)
            with pytest.raises(StopAsyncIteration):
                await incoming.__anext__()

    assert seen["chosen"] == "mcp"
    assert seen["Authorization"] == "Bearer mk_1"
    assert "Sec-WebSocket-Extensions" not in seen


@pytest.mark.parametrize("characters", [40_000, 100_000])
async def test_a_message_over_the_frame_limit_leaves_in_fragments(
    characters: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API Gateway takes 128 KB per message and 32 KB per frame."""
    frames: list[tuple[str, int]] = []
    parse = Frame.parse.__func__  # type: ignore[attr-defined]

    def record(*args: Any, **options: Any) -> Any:
        frame = yield from parse(Frame, *args, **options)
        if options["mask"]:  # those the server reads
            frames.append((frame.opcode.name, len(frame.data)))
        return frame

    monkeypatch.setattr(Frame, "parse", record)
    async with asyncio.timeout(5), serving(speak_mcp) as url, Client(websocket_transport(url)) as client:
        answer = await client.call_tool("size", {"text": "é" * (characters // 2)})

    assert as_text(answer.content[0]) == str(characters // 2)
    assert max(size for _, size in frames) == MAX_FRAGMENT_BYTES
    assert sum(1 for name, _ in frames if name == "CONT") >= characters // MAX_FRAGMENT_BYTES
    assert {name for name, _ in frames} <= {"TEXT", "CONT", "CLOSE"}


async def test_a_request_over_the_message_limit_fails_at_its_caller_alone() -> None:
    async with asyncio.timeout(5), serving(speak_mcp) as url, Client(websocket_transport(url)) as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("size", {"text": "x" * MAX_MESSAGE_BYTES})
        answer = await client.call_tool("size", {"text": "still here"})

    assert refused.value.error.code == FrameTooLarge.jsonrpc_code
    assert refused.value.error.data["limitBytes"] == MAX_MESSAGE_BYTES
    assert as_text(answer.content[0]) == "10"


async def test_an_answer_over_the_message_limit_becomes_an_error_for_the_server_that_waits() -> None:
    received: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        async for frame in socket:
            received.put_nowait(frame)

    async with asyncio.timeout(5), serving(listen) as url, websocket_transport(url) as (_, outgoing):
        large = JSONRPCResponse(jsonrpc="2.0", id="7", result={"text": "x" * MAX_MESSAGE_BYTES})
        await outgoing.send(SessionMessage(large))
        answer = json.loads(await received.get())

    assert answer["id"] == "7"
    assert answer["error"]["code"] == FrameTooLarge.jsonrpc_code


async def test_a_notification_over_the_message_limit_is_reported_on_the_stream() -> None:
    async def listen(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with asyncio.timeout(5), serving(listen) as url, websocket_transport(url) as (incoming, outgoing):
        large = JSONRPCNotification(jsonrpc="2.0", method="n", params={"text": "x" * MAX_MESSAGE_BYTES})
        await outgoing.send(SessionMessage(large))
        assert isinstance(await incoming.receive(), FrameTooLarge)


async def test_a_frame_that_is_no_message_is_delivered_as_an_exception() -> None:
    async def babble(socket: ServerConnection) -> None:
        await socket.send("not json")
        await socket.send('{"jsonrpc":"2.0","method":"notifications/ok"}')

    async with asyncio.timeout(5), serving(babble) as url, websocket_transport(url) as (incoming, _):
        first = await incoming.receive()
        second = await incoming.receive()

    assert isinstance(first, ValueError)
    assert isinstance(second, SessionMessage)


@pytest.mark.parametrize(
    "error",
    [
        errors.Unauthorized("no such key"),
        errors.Forbidden("not yours"),
        errors.ServerNotFound("there is no server demo/echo"),
        errors.NotDeployed("nothing to start"),
        errors.InvalidConfig(
            "config does not fit", {"errors": [{"pointer": "/key", "reason": "is required"}]}
        ),
        errors.LimitReached("too many sessions"),
        errors.WorkerUnavailable("no worker has room"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_refused_handshake_raises_the_error_of_the_refusal(error: MooringError) -> None:
    async def refuse(socket: ServerConnection, request: Request) -> Response:
        response = socket.respond(HTTPStatus(error.http_status), "")
        response.body = json.dumps(error.as_http()).encode()
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(response.body))
        return response

    async with asyncio.timeout(5), serving(speak_mcp, process_request=refuse) as url:
        with pytest.raises(type(error)) as refused:
            async with Client(websocket_transport(url)):
                pass

    assert refused.value.message == error.message
    assert refused.value.data == error.data


async def test_a_refusal_that_is_not_ours_is_known_by_its_status() -> None:
    async def refuse(socket: ServerConnection, request: Request) -> Response:
        return socket.respond(HTTPStatus.TOO_MANY_REQUESTS, "slow down")

    async with asyncio.timeout(5), serving(speak_mcp, process_request=refuse) as url:
        with pytest.raises(errors.LimitReached):
            async with websocket_transport(url):
                pass


async def test_a_host_that_is_not_there_is_a_connection_error() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    with pytest.raises(ConnectionError):
        async with asyncio.timeout(5), websocket_transport(f"ws://127.0.0.1:{port}/a/b/ws"):
            pass


async def test_requests_in_flight_fail_when_the_session_is_lost_for_good() -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.recv()

    async with (
        asyncio.timeout(5),
        serving(leave) as url,
        websocket_transport(url, patience=NONE) as streams,
        ClientSession(*streams) as session,
    ):
        with pytest.raises(MCPError) as failed:
            await session.initialize()

    assert failed.value.error.code == SessionNotFound.jsonrpc_code


async def test_what_was_written_before_the_end_is_sent_and_the_socket_closed_cleanly() -> None:
    received: list[str | bytes] = []
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        try:
            while True:
                received.append(await socket.recv())
        except ConnectionClosed:
            codes.put_nowait(socket.close_code)

    async with asyncio.timeout(5), serving(listen) as url:
        async with websocket_transport(url) as (_, outgoing):
            await outgoing.send(SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=1, method="last")))
        code = await codes.get()

    assert [json.loads(frame)["method"] for frame in received] == ["last"]
    assert code == 1000


async def test_an_error_of_the_caller_is_not_wrapped_in_a_group() -> None:
    async with asyncio.timeout(5), serving(speak_mcp) as url:
        with pytest.raises(LookupError):
            async with websocket_transport(url):
                raise LookupError
