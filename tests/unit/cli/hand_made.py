"""A Mooring to give commands to: a catalog over HTTP and sessions over WebSocket, answered by hand."""

import json
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from mooring.errors import MooringError, ServerNotFound

KEY = "mk_operator"
TOOL = {"name": "look", "description": "Look around.\nTwice.", "inputSchema": {"type": "object"}}
ADMIN_KEY = {
    "id": "k1",
    "name": "me",
    "prefix": "mk_ab12…",
    "role": "admin",
    "scopes": ["read", "connect", "publish", "admin"],
    "principal": "k1",
    "createdAt": "2026-11-20T12:00:00.000Z",
    "expiresAt": None,
    "lastUsedAt": "2026-11-21T08:30:59.000Z",
    "revokedAt": None,
}
OTHER_KEYS = [
    {
        **ADMIN_KEY,
        "id": "k2",
        "role": None,
        "scopes": ["publish"],
        "lastUsedAt": None,
        "expiresAt": "2027-01-01T00:00:00.000Z",
    },
    {**ADMIN_KEY, "id": "k3", "role": "client", "revokedAt": "2026-11-20T13:00:00.000Z"},
]

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
    scopes: list[str] = field(default_factory=lambda: ["read", "connect", "publish"])
    """Of the key."""
    store: str = ""
    """Where bundles are uploaded to; empty: it takes none."""
    worker_platform: str | None = None
    has_bundles: bool = False
    bundles: list[Json] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Json) -> tuple[int, Any]:
        self.asked.append((method, path.partition("?")[0]))
        if path.startswith("/servers?"):
            servers = list(self.servers.values())
            pagination = {"currentPage": 1, "totalPages": 1, "totalCount": len(servers) + 2}
            return 200, {"servers": servers, "pagination": pagination, "unknownFilters": ["lang:python"]}
        if path.startswith("/tools?"):
            tools = [{"server": name, **TOOL, "matched": ["look"]} for name in self.servers]
            return 200, {"tools": tools, "pagination": {"totalCount": len(tools)}}
        if path == "/servers/batch":
            return 200, {"results": [self.brought_in(one) for one in body["servers"]]}
        if path == "/whoami":
            return 200, {"principal": "ada", "keyId": "k1", "scopes": self.scopes, "namespaces": ["acme"]}
        if path.startswith("/keys"):
            return 200, {
                "id": "k1",
                "key": "mk_new",
                **body,
                "keys": [ADMIN_KEY, *OTHER_KEYS],
            }
        if path == "/bundles":
            return self.bundle(body)
        name = path.removeprefix("/servers/")
        if method == "PUT":
            self.servers[name] = entry(name, body)
        if name not in self.servers:
            raise ServerNotFound(f"there is no server {name}")
        if method == "DELETE":
            return 204, self.servers.pop(name)
        self.servers[name].update(body)
        return 200, self.servers[name]

    def bundle(self, body: Json) -> tuple[int, Any]:
        if not body:
            about = {"uploads": bool(self.store), "workerPlatform": self.worker_platform, "limitBytes": 10**9}
            return 200, about
        self.bundles.append(body)
        if self.has_bundles:
            return 200, {"status": "exists", "upload": None}
        headers = {"content-length": str(body["sizeBytes"]), "if-none-match": "*"}
        upload = {"method": "PUT", "url": self.store, "headers": headers, "expiresInSeconds": 900}
        return 201, {"status": "wanted", "upload": upload}

    def brought_in(self, server: Json) -> Json:
        """Return what becomes of one entry of a batch; one without a description is invalid."""
        name = server["qualifiedName"]
        if self.failure:
            raise self.failure
        if not server.get("description"):
            return {"qualifiedName": name, "outcome": "invalid", "reason": "description is empty"}
        is_new, self.servers[name] = name not in self.servers, server
        return {"qualifiedName": name, "outcome": "created" if is_new else "updated"}

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
