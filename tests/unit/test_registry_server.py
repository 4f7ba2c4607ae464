"""The program that carries the registry's tools to stdio, in front of a registry that is answered by hand."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import encode_header_value

from mooring_local.registry_server.server import Bridge, header

MODERN = "2026-07-28"


@dataclass
class HandMade:
    """A registry that gives one answer, and what it was sent."""

    url: str = ""
    status: int = 200
    body: bytes = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    location: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """Those of the last request, names in lower case."""
        return {name.lower(): value for name, value in self.received[-1][0].items()}


@pytest.fixture
def registry() -> Iterator[HandMade]:
    known = HandMade()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known.received.append((dict(self.headers), body))
            self.send_response(known.status)
            if known.location:
                self.send_header("Location", known.location)
            self.send_header("Content-Length", str(len(known.body)))
            self.end_headers()
            self.wfile.write(known.body)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        known.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def bridge(registry: HandMade) -> Bridge:
    return Bridge(registry.url, "mk_key")


def request(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def test_a_message_is_handed_over_as_it_is_with_the_key(bridge: Bridge, registry: HandMade) -> None:
    line = b'{"id" : 1,"jsonrpc":"2.0", "method":"ping" }'
    assert bridge.answer(line) == registry.body
    assert registry.received[-1][1] == line
    assert registry.headers["authorization"] == "Bearer mk_key"


def test_the_version_that_initialize_agreed_on_is_repeated(bridge: Bridge, registry: HandMade) -> None:
    registry.body = b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}'
    bridge.answer(request("initialize", protocolVersion="2025-11-25"))
    assert "mcp-protocol-version" not in registry.headers
    bridge.answer(request("tools/list"))
    assert registry.headers["mcp-protocol-version"] == "2025-06-18"
    assert "mcp-method" not in registry.headers


def test_a_message_of_the_protocol_without_handshake_is_repeated_in_headers(
    bridge: Bridge, registry: HandMade
) -> None:
    bridge.answer(request("tools/call", name="süchen", _meta={f"{META}/protocolVersion": MODERN}))
    assert registry.headers["mcp-protocol-version"] == MODERN
    assert registry.headers["mcp-method"] == "tools/call"
    assert registry.headers["mcp-name"] == encode_header_value("süchen")


META = "io.modelcontextprotocol"


@given(st.text() | st.sampled_from(["=?base64?eA==?=", "=?base64?", " x", "x ", "\n"]))
def test_headers_are_encoded_as_the_sdk_does(text: str) -> None:
    assert header(text) == encode_header_value(text)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[1]",
        b"[" * 100_000,
        b"null",
        b'{"id":1,"params":{"_meta":{"' + META.encode() + b'/protocolVersion":[]}}}',
    ],
)
def test_what_is_no_message_is_judged_by_the_registry(
    bridge: Bridge, registry: HandMade, line: bytes
) -> None:
    registry.status, registry.body = (
        400,
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}',
    )
    assert bridge.answer(line) == registry.body


@pytest.mark.parametrize(("status", "body"), [(202, b""), (400, b'{"jsonrpc":"2.0"}'), (401, b"{}")])
def test_a_notification_has_no_answer(bridge: Bridge, registry: HandMade, status: int, body: bytes) -> None:
    registry.status, registry.body = status, body
    assert bridge.answer(b'{"jsonrpc":"2.0","method":"notifications/initialized"}') == b""


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b'{"error":"Unauthorized","message":"this key is not known"}', "this key is not known"),
        (502, b"<html>", "the registry answered with HTTP status 502"),
        (307, b"", "the registry answered with HTTP status 307"),
    ],
)
def test_a_refusal_is_an_error_of_the_request(
    bridge: Bridge, registry: HandMade, status: int, body: bytes, message: str
) -> None:
    registry.status, registry.body = status, body
    answer = json.loads(bridge.answer(request("tools/list")))
    assert (answer["id"], answer["error"]) == (1, {"code": -32603, "message": message})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_goes_nowhere_else(bridge: Bridge, registry: HandMade, status: int) -> None:
    registry.status, registry.location = status, f"{registry.url}/elsewhere"
    bridge.answer(request("tools/list"))
    assert len(registry.received) == 1


def test_a_registry_that_is_not_there_is_named() -> None:
    answer = json.loads(Bridge("http://127.0.0.1:1", "mk_key").answer(request("ping")))
    assert answer["id"] == 1
    assert "http://127.0.0.1:1/registry/mcp" in answer["error"]["message"]


def test_an_answer_is_one_line(bridge: Bridge, registry: HandMade) -> None:
    registry.body = b'{"jsonrpc": "2.0",\n"id": 1,\n"result": {}}\n'
    assert b"\n" not in bridge.answer(request("ping"))
