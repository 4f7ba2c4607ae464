"""Small texts of the public web, for what strangers name: https, public addresses, bounded in time and size.

An address that a stranger has chosen could lead into the platform's own network. So a name is resolved here,
once, the connection goes to an address that has been checked, and a redirect may not leave its host.
"""

import http.client
import ipaddress
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from mooring import __version__
from mooring.dns_lookups import LookupFailed

if TYPE_CHECKING:
    import ssl

SECONDS = 5.0  # of one text, redirects and all
MAX_BYTES = 65_536

_MAX_REDIRECTS = 3
_MAX_ADDRESSES = 4
_CONNECT_SECONDS = 2.0  # then the next address may answer
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# They hold addresses of IPv4, which a gateway would follow.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class Unreachable(Exception):
    """Says why, in one line."""


def is_public(address: str) -> bool:
    """Return whether anybody may be sent to an address: it is of no private, local or reserved network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(str(mapped))
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _TRANSLATED)


class PublicWeb:
    """`addresses` resolves a name, and raises LookupFailed. The rest is for tests, without a public web."""

    def __init__(
        self,
        addresses: Callable[[str], list[str]],
        *,
        is_allowed: Callable[[str], bool] = is_public,
        tls: "ssl.SSLContext | None" = None,
        port: int = 443,
        seconds: float = SECONDS,
    ) -> None:
        self._addresses = addresses
        self._is_allowed = is_allowed
        self._given_tls = tls
        self._port = port
        self._seconds = seconds

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        import ssl

        return self._given_tls or ssl.create_default_context()

    def get(self, url: str, until: float = math.inf) -> tuple[int, str]:
        """Return the status, and of the text the first MAX_BYTES; `until` is a time of `time.monotonic`.

        Raises:
            Unreachable: it is not public, does not answer in time, or leads to another host.
        """
        deadline = min(time.monotonic() + self._seconds, until)
        for _ in range(_MAX_REDIRECTS + 1):
            parts = _checked(url)
            status, location, text = self._fetch(parts, deadline)
            if status not in _REDIRECTS or not location:
                return status, text
            url = urljoin(url, location)
            if urlsplit(url)[:2] != (parts.scheme, parts.netloc):
                raise Unreachable(f"{parts.hostname} leads to another host")
        raise Unreachable(
            f"{parts.hostname} leads from one place to the next, more than {_MAX_REDIRECTS} times"
        )

    def _fetch(self, parts: SplitResult, deadline: float) -> tuple[int, str | None, str]:
        host = parts.hostname or ""
        connected = self._connect(host, deadline)
        connection = http.client.HTTPConnection(host, self._port)
        try:
            with _ended_at(connected, deadline):
                connection.sock = self._tls.wrap_socket(connected, server_hostname=host)
                connection.request("GET", _target(parts), headers=_headers(parts))
                with connection.getresponse() as response:
                    content = response.read(MAX_BYTES)
            if time.monotonic() >= deadline:  # then the answer was cut off
                raise TimeoutError
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() >= deadline
            reason = "did not answer in time" if late else f"did not answer: {error!r:.200}"
            raise Unreachable(f"{host} {reason}") from error
        finally:
            connection.close()
            connected.close()
        return response.status, response.getheader("Location"), content.decode(errors="replace")

    def _connect(self, host: str, deadline: float) -> socket.socket:
        try:
            found = self._addresses(host)
        except LookupFailed as error:
            raise Unreachable(str(error)) from error
        allowed = [address for address in found if self._is_allowed(address)]
        if not allowed:
            raise Unreachable(f"{host} has no public address")
        for address in allowed[:_MAX_ADDRESSES]:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with suppress(OSError):
                return socket.create_connection((address, self._port), min(left, _CONNECT_SECONDS))
        raise Unreachable(f"{host} cannot be reached from here")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.port not in (None, 443):
            raise Unreachable("only https at its usual port is fetched")
    except ValueError as error:
        raise Unreachable("it is no address") from error
    if parts.username or parts.password:
        raise Unreachable("the address holds a name or a password")
    return parts


def _target(parts: SplitResult) -> str:
    target = quote(parts.path or "/", safe="/%:@~!$&'()*+,;=-._")
    return f"{target}?{quote(parts.query, safe='/%:@~!$&()*+,;=-._?')}" if parts.query else target


def _headers(parts: SplitResult) -> dict[str, str]:
    return {
        "Host": parts.hostname or "",
        "User-Agent": f"mooring/{__version__}",
        "Accept": "text/plain, */*;q=0.1",
        "Connection": "close",
    }


@contextmanager
def _ended_at(connected: socket.socket, deadline: float) -> Iterator[None]:
    """End the connection at the deadline, however slowly the other side sends: a socket's own timeout is per
    byte that arrives.
    """
    # TLS takes the socket over; another descriptor of the same connection stays ours.
    other = socket.socket(fileno=os.dup(connected.fileno()))

    def end() -> None:
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - time.monotonic(), 0.0), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        other.close()
