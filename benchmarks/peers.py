"""Other bridges from stdio to the network, as their own documentation starts them."""

import asyncio
import contextlib
import json
import secrets
import shlex
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from benchmarks.child import Child
from benchmarks.installation import Machine, Npm, PyPI
from benchmarks.processes import Processes, free_port, running, wait_for_listener
from benchmarks.session import Session
from benchmarks.streamable_http import StreamableHttpSession
from benchmarks.target import Running, Target
from benchmarks.websocket import WebSocketSession
from benchmarks.workspace import LOGS, WORKSPACE
from mooring.http1 import Client

_START_SECONDS = 40.0
_SETTLE_SECONDS = 0.5  # some listen before they are done starting
_HTTP_CONNECTIONS = 256

Arguments = Callable[[int, Child], list[str]]


@dataclass(frozen=True)
class Peer:
    name: str
    version: str
    package: Npm | PyPI | Machine
    way: Literal["WebSocket", "Streamable HTTP"]
    has_own_children: bool
    argv: Arguments
    """From the port and the child."""
    url_path: Callable[[Child], str]
    environment: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def target(self) -> Target:
        return Target(self.name, self.way, self.has_own_children, self._start, self.version)

    @contextlib.asynccontextmanager
    async def _start(self, child: Child) -> AsyncIterator[Running]:
        port = free_port()
        environment = {"PORT": str(port), "SERVER_PORT": str(port), "HOST": "127.0.0.1", **self.environment}
        async with running(self.name, self.argv(port, child), environment) as pid:
            await wait_for_listener(self.name, pid, port, _START_SECONDS)
            await asyncio.sleep(_SETTLE_SECONDS)
            path = self.url_path(child)
            if self.way == "WebSocket":
                url = f"ws://127.0.0.1:{port}{path}"
                yield Running(Processes(pid, child), lambda: WebSocketSession(url))
                return
            client = Client(f"http://127.0.0.1:{port}", connections=_HTTP_CONNECTIONS)

            def session() -> Session:
                return StreamableHttpSession(client, path, self.headers)

            yield Running(Processes(pid, child), session)
            await client.close()


def _at(path: str) -> Callable[[Child], str]:
    return lambda _: path


_SUPERGATEWAY = Npm(("supergateway@4.0.0",))


def _supergateway(*options: str) -> Arguments:
    script = _SUPERGATEWAY.path("supergateway/dist/index.js")

    def argv(port: int, child: Child) -> list[str]:
        stdio = ["--stdio", shlex.join(child.argv), "--port", str(port), "--logLevel", "none"]
        return ["node", script, *stdio, *options]

    return argv


_MCP_PROXY_NPM = Npm(("mcp-proxy@6.7.19",))


def _mcp_proxy_npm(port: int, child: Child) -> list[str]:
    script = _MCP_PROXY_NPM.path("mcp-proxy/dist/bin/mcp-proxy.mjs")
    return [
        "node",
        script,
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--server",
        "stream",
        "--",
        *child.argv,
    ]


# The three after the first are used by it, but not all of them are among its dependencies.
_INSPECTOR = Npm(
    (
        "@modelcontextprotocol/inspector-server@1.0.3",
        "node-fetch@3.3.2",
        "shell-quote@1.8.4",
        "spawn-rx@5.1.2",
        "zod@3.25.76",
    )
)
_INSPECTOR_ORIGIN = "http://localhost:6274"


def _inspector(port: int, child: Child) -> list[str]:
    return ["node", _INSPECTOR.path("@modelcontextprotocol/inspector-server/build/index.js")]


def _inspector_path(child: Child) -> str:
    arguments = shlex.join(child.argv[1:])
    query = {"transportType": "stdio", "command": child.argv[0], "args": arguments, "env": "{}"}
    return f"/mcp?{urlencode(query)}"


_MCP_PROXY_PYPI = PyPI("mcp-proxy==0.13.0")


def _mcp_proxy_pypi(port: int, child: Child) -> list[str]:
    program = _MCP_PROXY_PYPI.path("mcp-proxy")
    return [program, "--port", str(port), "--log-level", "ERROR", "--", *child.argv]


_FASTMCP = PyPI("fastmcp==4.1.2")


def _fastmcp(port: int, child: Child) -> list[str]:
    config = WORKSPACE / "fastmcp.json"
    server = {"command": child.argv[0], "args": child.argv[1:]}
    config.write_text(json.dumps({"mcpServers": {"echo": server}}), encoding="utf-8")
    options = ["-t", "http", "--port", str(port), "--no-banner", "--log-level", "ERROR"]
    return [_FASTMCP.path("fastmcp"), "run", str(config), *options]


_CONTEXTFORGE = PyPI("mcp-contextforge-gateway==1.1.0", python="3.12")

# It reads all settings of the gateway it is part of, and refuses weak ones.
_CONTEXTFORGE_SECRETS = (
    "JWT_SECRET_KEY",
    "AUTH_ENCRYPTION_SECRET",
    "PLATFORM_ADMIN_PASSWORD",
    "BASIC_AUTH_PASSWORD",
    "DEFAULT_USER_PASSWORD",
)


def _contextforge_environment() -> dict[str, str]:
    strong = {name: f"Bench-7!{secrets.token_urlsafe(32)}" for name in _CONTEXTFORGE_SECRETS}
    return {**strong, "DATABASE_URL": f"sqlite:///{LOGS}/contextforge.db"}


def _contextforge(port: int, child: Child) -> list[str]:
    module = [_CONTEXTFORGE.path("python"), "-m", "mcpgateway.translate"]
    stdio = ["--stdio", shlex.join(child.argv), "--port", str(port), "--logLevel", "error"]
    return [*module, *stdio, "--expose-streamable-http", "--jsonResponse"]


_WEBSOCKETD = Machine("websocketd")


def _websocketd(port: int, child: Child) -> list[str]:
    options = ["--address", "127.0.0.1", "--port", str(port), "--loglevel", "fatal"]
    return [_WEBSOCKETD.path("websocketd"), *options, *child.argv]


PEERS = [
    Peer(
        "websocketd",
        "of the machine",
        _WEBSOCKETD,
        "WebSocket",
        has_own_children=True,
        argv=_websocketd,
        url_path=_at("/"),
    ),
    Peer(
        "supergateway stateful",
        "4.0.0",
        _SUPERGATEWAY,
        "Streamable HTTP",
        has_own_children=True,
        argv=_supergateway("--outputTransport", "streamableHttp", "--stateful"),
        url_path=_at("/mcp"),
    ),
    Peer(
        "inspector-server",
        "1.0.3",
        _INSPECTOR,
        "Streamable HTTP",
        has_own_children=True,
        argv=_inspector,
        url_path=_inspector_path,
        environment={"DANGEROUSLY_OMIT_AUTH": "true", "ALLOWED_ORIGINS": _INSPECTOR_ORIGIN},
        headers={"origin": _INSPECTOR_ORIGIN},
    ),
    Peer(
        "supergateway ws",
        "4.0.0",
        _SUPERGATEWAY,
        "WebSocket",
        has_own_children=False,
        argv=_supergateway("--outputTransport", "ws", "--messagePath", "/message"),
        url_path=_at("/message"),
    ),
    Peer(
        "mcp-proxy (npm)",
        "6.7.19",
        _MCP_PROXY_NPM,
        "Streamable HTTP",
        has_own_children=False,
        argv=_mcp_proxy_npm,
        url_path=_at("/mcp"),
    ),
    Peer(
        "mcp-proxy (PyPI)",
        "0.13.0",
        _MCP_PROXY_PYPI,
        "Streamable HTTP",
        has_own_children=False,
        argv=_mcp_proxy_pypi,
        url_path=_at("/mcp"),
    ),
    Peer(
        "fastmcp proxy",
        "4.1.2",
        _FASTMCP,
        "Streamable HTTP",
        has_own_children=False,
        argv=_fastmcp,
        url_path=_at("/mcp"),
    ),
    Peer(
        "contextforge translate",
        "1.1.0",
        _CONTEXTFORGE,
        "Streamable HTTP",
        has_own_children=False,
        argv=_contextforge,
        url_path=_at("/mcp"),
        environment=_contextforge_environment(),
    ),
]
