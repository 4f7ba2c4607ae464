"""Scans over HTTP, of servers that answer by hand and of one that the SDK makes."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer

from mooring import http_scanning, listing
from mooring.errors import ScanFailed
from mooring.scanning import Scan, scan_http

Message = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
JSON = {"content-type": "application/json"}
TOOL = {"name": "look", "inputSchema": {"type": "object"}}
CARD: Message = {
    "serverInfo": {"name": "Carded", "version": "2"},
    "authentication": {"required": True, "schemes": ["oauth2"]},
    "tools": [TOOL],
    "resources": [],
}


@dataclass
class Upstream:
    """`always` is what every POST is answered with, `card` what is at the address of the card."""

    always: Answer | None = None
    card: bytes | None = None
    lists: dict[str, Message] = field(default_factory=lambda: {"tools/list": {"tools": [TOOL]}})
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    is_silent: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.append(task)
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = lines[0].split()
            headers = {
                name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((method, target, headers))
            if self.is_silent:
                await reader.read()  # until the client gives up
                return
            status, more, content = self.answer(method, target, body)
            told = {**more, "content-length": str(len(content)), "connection": "close"}
            head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
            writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content)
            await writer.drain()

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        if method == "GET" and target == http_scanning.CARD:
            return (404, {}, b"") if self.card is None else (200, JSON, self.card)
        if method != "POST":
            return 405, {}, b""
        request = json.loads(body)
        self.methods.append(request["method"])
        if self.always:
            return self.always
        if "id" not in request:
            return 202, {}, b""
        return 200, JSON, json.dumps({"jsonrpc": "2.0", "id": request["id"], **self.said(request)}).encode()

    def said(self, request: Message) -> Message:
        if request["method"] == "initialize":
            about = {"name": "hand-made", "version": "1"}
            version = request["params"]["protocolVersion"]
            members = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
            return {"result": members}
        found = self.lists.get(request["method"])
        return {"result": found} if found else {"error": {"code": -32601, "message": "Method not found"}}


@asynccontextmanager
async def serving(upstream: Upstream) -> AsyncGenerator[str, None]:
    async with await asyncio.start_server(upstream.speak, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        if upstream.tasks:
            await asyncio.wait(upstream.tasks, timeout=5)


async def scanned(upstream: Upstream, headers: dict[str, str] | None = None, seconds: float = 10.0) -> Scan:
    async with asyncio.timeout(20), serving(upstream) as url:
        return await scan_http(url, headers, timeout_seconds=seconds, allow_private=True)


async def failure(upstream: Upstream, seconds: float = 10.0) -> ScanFailed:
    with pytest.raises(ScanFailed) as failed:
        await scanned(upstream, seconds=seconds)
    return failed.value


async def test_a_server_of_old_is_listed_with_the_credentials_of_the_scan() -> None:
    upstream = Upstream()
    found = await scanned(upstream, {"X-Api-Key": "k"})

    assert (found.era, found.tools, found.source) == ("legacy", [TOOL], "live")
    assert "tools/call" not in upstream.methods
    posts = [headers for method, _, headers in upstream.asked if method == "POST"]
    assert {headers.get("x-api-key") for headers in posts} == {"k"}
    assert all(headers["user-agent"] == "MooringScan/1" for headers in posts)


@asynccontextmanager
async def of_the_sdk() -> AsyncGenerator[str, None]:
    made = MCPServer("made", instructions="Look")

    @made.tool()
    def look(at: str) -> str:
        """Look at it."""
        raise AssertionError("a scan calls nothing")

    @made.resource("a://{x}")
    def there(x: str) -> str:
        raise AssertionError("a scan reads nothing")

    server = uvicorn.Server(uvicorn.Config(made.streamable_http_app(), port=0, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await running


async def test_a_server_of_the_sdk_is_modern() -> None:
    async with asyncio.timeout(20), of_the_sdk() as url:
        found = await scan_http(url, allow_private=True)

    assert (found.era, found.instructions) == ("modern", "Look")
    assert [tool["name"] for tool in found.tools or []] == ["look"]
    assert [resource["uriTemplate"] for resource in found.resources or []] == ["a://{x}"]


async def test_without_leave_nothing_of_ones_own_network_is_asked() -> None:
    upstream = Upstream()
    async with asyncio.timeout(10), serving(upstream) as url:
        for address in (url, url.replace("http:", "https:")):
            with pytest.raises(ScanFailed, match=r"TLS|not a public address"):
                await scan_http(address)
    assert upstream.asked == []


BEARER = {"www-authenticate": 'Bearer resource_metadata="https://a.test/meta"'}
REFUSALS: dict[str, tuple[Answer, str | None, str]] = {
    "authorization": ((401, BEARER, b""), "auth", "access token"),
    "a key": ((401, {}, b""), "auth", "API key"),
    "a firewall": ((403, {"content-type": "text/html"}, b"<h1>Blocked"), None, "401, not 403"),
    "a web page": ((200, {"content-type": "text/html"}, b"<!doctype html>"), None, "/mcp"),
    "nothing there": ((404, {}, b""), None, "/mcp"),
    "a failure": ((503, {}, b""), None, "log"),
    "a redirect": ((302, {"location": "http://10.0.0.1/mcp"}, b""), None, "address"),
    "a redirect that keeps the method": ((307, {"location": "http://10.0.0.1/mcp"}, b""), None, "address"),
}


@pytest.mark.parametrize(("always", "needs", "advice"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_refusal_is_told_with_one_next_step(always: Answer, needs: str | None, advice: str) -> None:
    failed = await failure(Upstream(always))

    assert failed.needs == needs
    assert advice in failed.advice
    assert failed.data and failed.data["status"] == always[0]


async def test_an_error_of_the_protocol_is_told_with_the_method() -> None:
    body = json.dumps(
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "API key required"}}
    )
    failed = await failure(Upstream((400, JSON, body.encode())))

    assert (failed.needs, "initialize" in failed.message) == ("config", True)


async def test_an_answer_that_is_not_mcp_is_told() -> None:
    failed = await failure(Upstream((200, JSON, b'{"hello": "world"}')))
    assert "initialize" in failed.message


async def test_a_server_that_never_answers_is_waited_for_no_longer_than_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_scanning, "CARD_SECONDS", 0.2)
    monkeypatch.setattr(listing, "DISCOVER_SECONDS", 0.2)
    failed = await failure(Upstream(is_silent=True), seconds=0.8)
    assert failed.message == "initialize was not answered within 0.8 s"


async def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ScanFailed, match="cannot be reached"):
        await scan_http("http://127.0.0.1:9/mcp", allow_private=True)


async def test_a_card_stands_in_for_a_server_that_lets_nobody_in() -> None:
    upstream = Upstream((401, BEARER, b""), card=json.dumps(CARD).encode())
    found = await scanned(upstream, {"Authorization": "Bearer t"})

    assert (found.source, found.server_info) == ("card", {"name": "Carded", "version": "2"})
    assert (found.tools, found.prompts, found.resources) == ([TOOL], None, [])


async def test_the_credentials_of_a_scan_are_not_for_the_card() -> None:
    upstream = Upstream((401, {}, b""), card=json.dumps(CARD).encode())
    await scanned(upstream, {"X-Api-Key": "k"})

    ((_, _, headers),) = [asked for asked in upstream.asked if asked[1] == http_scanning.CARD]
    assert "x-api-key" not in headers


async def test_a_server_that_answers_is_asked_for_no_card() -> None:
    upstream = Upstream(card=json.dumps(CARD).encode())
    assert (await scanned(upstream)).source == "live"
    assert all(target == "/mcp" for _, target, _ in upstream.asked)


CARDS = {
    "no tools": ({**CARD, "tools": None}, "no list of tools"),
    "a tool without a schema": ({**CARD, "tools": [{"name": "x"}]}, "inputSchema"),
    "no name": ({**CARD, "serverInfo": {}}, "serverInfo.name"),
    "too many": ({**CARD, "tools": [TOOL] * 3}, "lists more than"),
}


@pytest.mark.parametrize(("card", "problem"), CARDS.values(), ids=CARDS.keys())
async def test_a_card_that_cannot_be_used_is_told_beside_the_failure(
    card: Message, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_ITEMS", 2)
    failed = await failure(Upstream((401, BEARER, b""), card=json.dumps(card).encode()))

    assert failed.needs == "auth"
    assert "401" in failed.message and problem in failed.message


@pytest.mark.parametrize("card", [b"", b"[]", b"<html>", b"{", b"\xff"])
async def test_what_is_no_card_is_as_good_as_none(card: bytes) -> None:
    failed = await failure(Upstream((403, {}, b""), card=card))
    assert failed.message == "it refuses the scan (403)"
