"""A Mooring to give commands to: a catalog over HTTP and sessions over WebSocket, answered by hand."""

import json
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from mooring.errors import MooringError, ServerNotFound

KEY = "mk_operator"
TOOL = {"name": "look", "description": "Look around.\nTwice.", "inputSchema": {"type": "object"}}

Json = dict[str, Any]


@dataclass
class HandMade:
    """What it was asked, and what it knows; `failure` is what every session ends with."""

    url: str = ""
    ws_url: str = ""
    servers: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    failure: MooringError | None = None

    def answer(self, method: str, path: str, body: Json) -> tuple[int, Any]:
        self.asked.append((method, path.partition("?")[0]))
        if path.startswith("/servers?"):
            servers = list(self.servers.values())
            return 200, {"servers": servers, "pagination": {"currentPage": 1, "totalPages": 1}}
        if path.startswith("/keys"):
            return 200, {
                "id": "k1",
                "key": "mk_new",
                **body,
                "keys": [{"id": "k1", "role": "admin", "name": "me"}],
            }
        name = path.removeprefix("/servers/")
        if method == "PUT":
            self.servers[name] = entry(name, body)
        if name not in self.servers:
            raise ServerNotFound(f"there is no server {name}")
        if method == "DELETE":
            return 204, self.servers.pop(name)
        self.servers[name].update(body)
        return 200, self.servers[name]

    def speak(self, socket: ServerConnection) -> None:
        assert socket.request and socket.request.headers["Authorization"] == f"Bearer {KEY}"
        self.sessions.append(socket.request.path)
        try:
            for frame in socket:
                request = json.loads(frame)
                if "id" in request:
                    told = {"jsonrpc": "2.0", "id": request["id"], **self.reply(request)}
                    socket.send(json.dumps(told))
        except ConnectionClosed:
            pass

    def reply(self, request: Json) -> Json:
        if self.failure:
            return {"error": self.failure.as_jsonrpc()}
        match request["method"]:
            case "initialize":
                version = request["params"]["protocolVersion"]
                about = {"name": "hand-made", "version": "1"}
                able: Json = {"tools": {}, "prompts": {}}
                return {"result": {"protocolVersion": version, "capabilities": able, "serverInfo": about}}
            case "tools/list" if "cursor" not in request.get("params", {}):
                return {"result": {"tools": [TOOL], "nextCursor": "2"}}
            case "tools/list":
                return {"result": {"tools": [{**TOOL, "name": "listen"}]}}
            case "prompts/list":
                return {"result": {"prompts": [{"name": "greet"}]}}
            case "tools/call":
                text = json.dumps(request["params"]["arguments"])
                failed = request["params"]["name"] == "fail"
                return {"result": {"content": [{"type": "text", "text": text}], "isError": failed}}
        return {"error": {"code": -32601, "message": "Method not found"}}


def entry(name: str, body: Json) -> Json:
    known = {"qualifiedName": name, "isDeployed": True, "useCount": "3", "tools": None, "connections": []}
    return {**known, "displayName": "", "description": "", "homepage": "", **body}
