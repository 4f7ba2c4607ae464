"""Our HTTP/1.1 over real sockets, against itself and against the standard library."""

import asyncio
import http.client
from collections.abc import AsyncIterator

import pytest

from mooring.http1 import Client, NotSent, Request, Response, serve

LIMIT_BYTES = 1000


async def respond(request: Request) -> Response:
    if request.target == "/slow":
        await asyncio.Event().wait()
    body = f"{request.method} {request.target} {request.headers.get('x-a', '')} ".encode() + request.body
    return Response(200, body, {"x-b": "2"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await serve(respond, "127.0.0.1", 0, max_body_bytes=LIMIT_BYTES)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def client(port: int) -> AsyncIterator[Client]:
    client = Client(f"http://127.0.0.1:{port}")
    yield client
    await client.close()


async def test_a_request_arrives_whole_and_so_does_its_answer(client: Client) -> None:
    response = await client.request("POST", "/a?b=%2F", headers={"X-A": "1"}, body=b"body")
    assert (response.status, response.body) == (200, b"POST /a?b=%2F 1 body")
    assert response.headers["x-b"] == "2"


async def test_many_requests_at_once_each_get_their_own_answer(client: Client) -> None:
    answers = await asyncio.gather(*(client.request("POST", f"/{n}", body=b"%d" % n) for n in range(200)))
    assert [answer.body for answer in answers] == [b"POST /%d  %d" % (n, n) for n in range(200)]


async def test_requests_sent_ahead_on_one_connection_are_answered_in_order(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(b"GET /%d HTTP/1.1\r\nhost: h\r\n\r\n" % n for n in range(50)))
    async with asyncio.timeout(5):
        text = b"".join([await reader.readuntil(b"GET /%d  " % n) for n in range(50)])
    assert text.count(b"200 OK") == 50
    writer.close()
    await writer.wait_closed()


async def test_a_body_over_the_limit_is_refused_and_nothing_else_suffers(client: Client) -> None:
    assert (await client.request("POST", "/", body=b"x" * (LIMIT_BYTES + 1))).status == 413
    assert (await client.request("POST", "/", body=b"x" * LIMIT_BYTES)).status == 200


async def test_what_is_not_http_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"nonsense\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_a_request_that_takes_too_long_raises_and_leaves_its_answer_to_nobody(client: Client) -> None:
    with pytest.raises(TimeoutError):
        await client.request("GET", "/slow", timeout_seconds=0.05)
    assert (await client.request("GET", "/next")).body == b"GET /next  "


async def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    served = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        served.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert (await client.request("GET", "/")).status == 200
        assert (await client.request("GET", "/")).status == 200
    assert len(served) == 2


async def test_an_origin_that_is_not_there_is_an_os_error() -> None:
    server = await serve(respond, "127.0.0.1", 0, max_body_bytes=LIMIT_BYTES)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(NotSent):
        await Client(f"http://127.0.0.1:{port}").request("GET", "/")


async def test_what_may_have_been_carried_out_is_not_repeated_unasked() -> None:
    seen: list[bytes] = []

    async def answer_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(answer_the_first, "127.0.0.1", 0)
    async with server:
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await client.request("POST", "/", is_repeatable=False)
        with pytest.raises(ConnectionResetError) as lost:
            await client.request("POST", "/", is_repeatable=False)
    assert not isinstance(lost.value, NotSent)
    assert len(seen) == 2


async def test_the_standard_library_s_client_understands_the_server(port: int) -> None:
    def call() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", "/x", b"chunked" * 3)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, content

    assert await asyncio.to_thread(call) == (200, b"POST /x  " + b"chunked" * 3)
