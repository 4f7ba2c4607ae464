"""The way out of a build leads outside, and nowhere else (`mooring_local.builder.egress`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mooring.public_addresses import is_internal
from mooring_local.builder.egress import SOCKET, Egress
from mooring_local.builder.forwarding import forward

SECONDS = 10.0


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    """Serve on loopback what reads a line and says `reply` and the line; give the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply + await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def through(folder: Path, head: bytes, then: bytes = b"") -> bytes:
    """Return all that comes back for a request to the proxy, and for what follows it."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in answer:
            writer.write(then)
            answer += await reader.read()
        writer.close()
        return answer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
async def test_nothing_on_this_machine_is_reached(tmp_path: Path, host: str) -> None:
    async with answering(b"tables") as port, Egress().serving(tmp_path):
        answer = await through(tmp_path, f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ") or answer.startswith(b"HTTP/1.1 502 ")
    assert b"tables" not in answer


async def test_what_the_operator_allows_is_reached(tmp_path: Path) -> None:
    async with answering(b"mirror: ") as port, Egress([f"127.0.0.1:{port}"]).serving(tmp_path):
        head = f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        answer = await through(tmp_path, head, b"hello\n")
        assert answer.endswith(b"mirror: hello\n")
        other = await through(tmp_path, b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
    assert other.startswith(b"HTTP/1.1 403 ")


async def test_the_machines_own_proxy_is_gone_through(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nbeyond")
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    upstream = f"http://user:pass@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Egress(upstream=upstream).serving(tmp_path):
        answer = await through(tmp_path, b"CONNECT packages.example:443 HTTP/1.1\r\n\r\n")
        refused = await through(tmp_path, b"CONNECT 127.0.0.1:8000 HTTP/1.1\r\n\r\n")
    assert answer.endswith(b"beyond")
    assert refused.startswith(b"HTTP/1.1 403 ")
    assert len(seen) == 1
    assert seen[0].startswith(b"CONNECT packages.example:443 ")
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in seen[0]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT nowhere HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT host:0 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT host:99999 HTTP/1.1\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"405"),
    ],
)
async def test_what_is_no_request_for_a_connection_is_refused(
    tmp_path: Path, head: bytes, status: bytes
) -> None:
    async with Egress().serving(tmp_path):
        assert (await through(tmp_path, head)).startswith(b"HTTP/1.1 " + status)


async def test_a_port_of_the_build_leads_to_the_socket(tmp_path: Path) -> None:
    async with answering(b"mirror: ") as port, Egress(["127.0.0.1"]).serving(tmp_path):
        address = forward(tmp_path / SOCKET)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nhello\n".encode())
        async with asyncio.timeout(SECONDS):
            assert (await reader.read()).endswith(b"mirror: hello\n")
        writer.close()


@pytest.mark.parametrize("address", ["93.184.216.34", "203.0.113.80", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_outside_are_not_internal(address: str) -> None:
    assert not is_internal(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::1", "host", ""),
    ],
)
def test_addresses_of_this_machine_and_its_networks_are_internal(address: str) -> None:
    assert is_internal(address)
