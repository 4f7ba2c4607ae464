"""A server that runs elsewhere becomes a release: refused without a credential, scanned with one, listed."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.releases.conftest import Deployments
from tests.integration.releases.test_smithery_command import smithery
from tests.stack import Stack, home_with_a_server, running

pytestmark = pytest.mark.integration

TOKEN = "Bearer open-sesame-43"


class _Upstream(BaseHTTPRequestHandler):
    """An MCP server over Streamable HTTP that lets nobody in without the token."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != TOKEN:
            self._answer(401, b"", {"WWW-Authenticate": "Bearer"})
            return
        message = json.loads(body)
        if "id" not in message:
            self._answer(202, b"")
            return
        said: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        match message["method"]:
            case "initialize":
                version = message["params"]["protocolVersion"]
                said["result"] = {
                    "protocolVersion": version,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "elsewhere", "version": "1"},
                }
            case "tools/list":
                said["result"] = {"tools": [{"name": "forecast", "inputSchema": {"type": "object"}}]}
            case _:
                said["error"] = {"code": -32601, "message": "no such method"}
        self._answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def do_GET(self) -> None:
        self._answer(405, b"")

    do_DELETE = do_GET

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Mooring that may ask servers on this machine."""
    os.environ["MOORING_ALLOW_PRIVATE_UPSTREAMS"] = "1"
    try:
        with running(home_with_a_server(tmp_path_factory.mktemp("elsewhere") / "home")) as stack:
            yield stack
    finally:
        del os.environ["MOORING_ALLOW_PRIVATE_UPSTREAMS"]


def test_it_waits_for_a_credential_and_forgets_it(
    deployments: Deployments, upstream: str, tmp_path: Path, stack: Stack
) -> None:
    asked = deployments.deploy(upstream, "--external")
    assert not asked.succeeded
    assert asked.release["status"] == "AUTH_REQUIRED"
    assert "Next:" in asked.stderr
    headers = tmp_path / "headers.json"
    headers.write_text(json.dumps({"Authorization": TOKEN}))
    stack.command("releases", "retry", deployments.name, "--headers", headers)
    done = deployments.release(asked.release["id"])
    assert (done["status"], done["isCurrent"]) == ("SUCCESS", True)
    assert deployments.tools() == ["forecast"]
    status, server = stack.call("GET", f"/servers/{deployments.name}")
    assert status == 200
    assert [way["url"] for way in server["connections"] if way["type"] == "http"] == [upstream]
    for noun in ("releases", "catalog"):
        assert "open-sesame-43" not in str(stack.rows(noun))


def test_the_stock_command_of_smithery_says_that_it_waits(
    deployments: Deployments, upstream: str, tmp_path: Path
) -> None:
    arguments = ("mcp", "publish", upstream, "-n", deployments.name)
    status, said = smithery(deployments.stack, tmp_path, *arguments)
    assert deployments.release()["status"] == "AUTH_REQUIRED", said
    assert "uthoriz" in said or "uthenticat" in said
    assert status == 0, said
