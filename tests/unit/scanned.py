"""A server to scan: over a real WebSocket, answered by hand, with any personality that a test gives it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from mooring.errors import MooringError, ScanFailed
from mooring.scanning import Scan, scan

Message = dict[str, Any]
MODERN = "2026-07-28"
ALL: Message = {"tools": {}, "prompts": {}, "resources": {}}
TOOL = {"name": "look", "description": "Look", "inputSchema": {"type": "object", "properties": {"at": {}}}}
NO_METHOD = {"error": {"code": -32601, "message": "Method not found"}}
LISTS: dict[str, list[Message]] = {
    "tools/list": [{"tools": [TOOL], "nextCursor": "2"}, {"tools": [{**TOOL, "name": "leave"}]}],
    "prompts/list": [{"prompts": [{"name": "ask"}]}],
    "resources/list": [{"resources": [{"uri": "a://b", "name": "b"}]}],
    "resources/templates/list": [{"resourceTemplates": [{"uriTemplate": "a://{x}", "name": "x"}]}],
}
SILENCE: Message = {}


class Ended(Exception):
    """The child is gone, says the worker, and goes on saying it."""

    def __init__(self, error: MooringError) -> None:
        self.error = error


@dataclass
class Server:
    """What it was asked, a list for each session, and how it answers."""

    capabilities: Message = field(default_factory=lambda: ALL)
    lists: dict[str, Any] = field(default_factory=lambda: LISTS)
    discover: Message = field(default_factory=lambda: NO_METHOD)
    sessions: list[list[str]] = field(default_factory=list)
    version: str = ""
    other: Callable[[str, list[str]], Message | None] = lambda _method, _asked: None

    async def speak(self, socket: ServerConnection) -> None:
        asked: list[str] = []
        self.sessions.append(asked)
        end: MooringError | None = None
        async for frame in socket:
            request = json.loads(frame)
            asked.append(request["method"])
            if "id" not in request:
                continue
            try:
                answer = self.answer(request, asked) if end is None else {"error": end.as_jsonrpc()}
            except Ended as ended:
                end = ended.error
                answer = {"error": end.as_jsonrpc()}
            if answer:
                await socket.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}))

    def answer(self, request: Message, asked: list[str]) -> Message:
        method, params = request["method"], request.get("params", {})
        said = self.other(method, asked)
        if said is not None:
            return said
        if method == "server/discover":
            return self.discover
        if method == "initialize":
            about = {"name": "hand-made", "version": "1"}
            version = self.version or params["protocolVersion"]
            return result(protocolVersion=version, capabilities=self.capabilities, serverInfo=about)
        pages = self.lists.get(method)
        if pages is None:
            return NO_METHOD
        page = pages(params.get("cursor")) if callable(pages) else pages[int(params.get("cursor") or 1) - 1]
        return {"result": page}

    @property
    def asked(self) -> list[str]:
        return [method for session in self.sessions for method in session]


def result(**members: Any) -> Message:
    return {"result": members}


def error(code: int, message: str = "no", **data: Any) -> Message:
    return {"error": {"code": code, "message": message, **({"data": data} if data else {})}}


def discovered(*versions: str, **members: Any) -> Message:
    return result(supportedVersions=list(versions), capabilities=ALL, **members)


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[str, None]:
    async with serve(server.speak, "127.0.0.1", 0, subprotocols=[Subprotocol("mcp")]) as listening:
        yield f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/demo/echo/ws"


async def scanned(server: Server, seconds: float = 20.0) -> Scan:
    async with asyncio.timeout(20), serving(server) as url:
        return await scan(url, {}, timeout_seconds=seconds)


async def failure(server: Server, seconds: float = 20.0) -> ScanFailed:
    with pytest.raises(ScanFailed) as failed:
        await scanned(server, seconds)
    return failed.value
