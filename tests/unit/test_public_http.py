import asyncio
import functools
import ipaddress
import socket
import ssl
from typing import Any

import httpx2
import pytest

from benchmarks.authority import Authority
from mooring import public_http
from mooring.errors import ScanFailed
from mooring.public_http import PublicTransport, is_public, public_addresses
from tests.unit.loopback import serving

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2001::1", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_network_of_ones_own_is_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have every name resolve to the next of `answers`, the last one for ever; return what was asked."""
    asked: list[str] = []

    async def getaddrinfo(_loop: object, host: str, port: int, **_: Any) -> list[Any]:
        answer = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def get(url: str, transport: PublicTransport) -> httpx2.Response:
    async with asyncio.timeout(10), httpx2.AsyncClient(transport=transport) as client:
        return await client.get(url)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:1/", "https://[::1]:1/", "https://localhost:1/", "https://2130706433/"]
)
async def test_an_address_that_is_not_public_is_not_connected_to(url: str) -> None:
    with pytest.raises(ScanFailed, match="not a public address"):
        await get(url, PublicTransport())


async def test_a_name_with_one_address_that_is_not_public_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(ScanFailed, match=r"10\.0\.0\.1"):
        await get("https://both.test/", PublicTransport())


async def test_there_is_no_way_without_tls() -> None:
    with pytest.raises(ScanFailed, match="without TLS"):
        await get("http://example.test/", PublicTransport())


async def test_a_name_that_does_not_resolve_is_told() -> None:
    with pytest.raises(ScanFailed, match="has no address"):
        await public_addresses("nothing.invalid", 443)


async def test_addresses_of_ipv4_are_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["2606:4700::1111", "1.1.1.1", "1.1.1.1"])
    assert await public_addresses("two.test", 443) == ["1.1.1.1", "2606:4700::1111"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> ssl.SSLContext:
    """Trust the certificate of `localhost`, and take 127.0.0.1 for public."""
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    inner = functools.partial(httpx2.AsyncHTTPTransport, verify=trust)
    monkeypatch.setattr(httpx2, "AsyncHTTPTransport", inner)
    monkeypatch.setattr(public_http, "is_public", lambda address: str(address) == "127.0.0.1")
    return authority.context


async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(
    trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once, whatever it points to afterwards. Certificate and Host are the name's."""
    seen: list[str] = []

    def answer(_method: str, target: str, headers: dict[str, str], _body: bytes) -> tuple[int, bytes]:
        seen.append(headers["host"])
        return 200, target.encode()

    with serving(answer, trusting) as url:
        port = url.rpartition(":")[2]
        asked = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        response = await get(f"{url}/x?y", PublicTransport())

    assert (response.text, seen, asked) == ("/x?y", [f"localhost:{port}"], ["localhost"])


async def test_a_certificate_for_another_name_is_not_accepted(
    trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda *_: (200, b""), trusting) as url:
        resolving(monkeypatch, ["127.0.0.1"])
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await get(url.replace("localhost", "other.test"), PublicTransport())


async def test_a_name_is_looked_at_again_for_every_request(
    trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda *_: (200, b""), trusting) as url:
        resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
        async with asyncio.timeout(10), httpx2.AsyncClient(transport=PublicTransport()) as client:
            await client.get(url)
            with pytest.raises(ScanFailed, match=r"169\.254\.169\.254"):
                await client.get(url)


async def test_more_bytes_than_agreed_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_http, "MAX_BYTES", 1000)
    with serving(lambda *_: (200, b"x" * 600)) as url:
        async with (
            asyncio.timeout(10),
            httpx2.AsyncClient(transport=PublicTransport(allow_private=True)) as client,
        ):
            await client.get(url)
            with pytest.raises(ScanFailed, match="more than 1,000 bytes"):
                await client.get(url)


async def test_an_answer_that_would_have_to_be_unpacked_is_refused() -> None:
    seen: list[str] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ScanFailed, match="compressed"):
            await get(f"http://127.0.0.1:{port}/", PublicTransport(allow_private=True))
    assert "accept-encoding: identity\r\n" in seen[0]
