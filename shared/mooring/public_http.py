"""HTTP to places that strangers name: over TLS, to public addresses only, and for no more bytes than agreed.

What a name resolves to is looked at when the connection is made, and that very address is connected to: a
name that points elsewhere a moment later gains nothing by it.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import httpx2

from mooring.scan_failures import failed

MAX_BYTES = 8 * 1024 * 1024
"""Of all answers in one scan: what is listed has a limit of its own, and JSON-RPC around it."""
USER_AGENT = "MooringScan/1"

_MAX_ADDRESSES = 4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # holds an address of IPv4 in its last 32 bits

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PublicTransport(httpx2.AsyncBaseTransport):
    """`allow_private`: any scheme and any address, for tests and for servers inside one's own network."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._inner = httpx2.AsyncHTTPTransport(retries=0)
        self._left = MAX_BYTES

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; raises ScanFailed for an address that is not public."""
        request.headers["Accept-Encoding"] = "identity"  # a few bytes may unpack to gigabytes
        if self._allow_private:
            response = await self._inner.handle_async_request(request)
        else:
            response = await self._send_to_public(request)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            await response.aclose()
            raise failed("it answers compressed although it was asked not to", "Send answers as they are")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream, self),
            extensions=response.extensions,
        )

    async def _send_to_public(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        if request.url.scheme != "https":
            raise failed(f"{host} is to be reached without TLS", "Give an address that begins with https://")
        addresses = await public_addresses(host, request.url.port or 443)
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except httpx2.ConnectError:
                continue
        return await self._inner.handle_async_request(_pinned(request, host, addresses[-1]))

    def take(self, size: int) -> None:
        """Count bytes of answers; raises ScanFailed when they are too many."""
        self._left -= size
        if self._left < 0:
            raise failed(f"it answers with more than {MAX_BYTES:,} bytes", "Let it list less")

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: object, transport: PublicTransport) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)
        self._stream = stream
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._transport.take(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def public_addresses(host: str, port: int) -> list[str]:
    """Return what `host` resolves to, IPv4 first.

    Raises:
        ScanFailed: it does not resolve, or to an address that is not public.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failed(
            f"{host} has no address: {error}", "Check the name, and that it is in the public DNS"
        ) from error
    addresses = [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    for address in addresses:
        if not is_public(address):
            raise failed(
                f"{host} is at {address}, which is not a public address",
                "Give one that everybody can reach; the operator may set MOORING_ALLOW_PRIVATE_UPSTREAMS",
            )
    unique = dict.fromkeys(sorted(addresses, key=lambda address: address.version))
    return [str(address) for address in unique][:_MAX_ADDRESSES]


def is_public(address: Address) -> bool:
    """Return whether `address` is one of the internet's, also where it only wraps one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped or address.teredo:
            return wrapped is not None and is_public(wrapped)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _pinned(request: httpx2.Request, host: str, address: str) -> httpx2.Request:
    """Return `request`, to be sent to `address`; certificate and Host are still those of `host`."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
