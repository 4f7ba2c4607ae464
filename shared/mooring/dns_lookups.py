"""What the public DNS says of a name: its addresses and its texts, each within a time."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dns.resolver import Resolver

SECONDS = 3.0


class LookupFailed(Exception):
    """Says why, in one line."""


class DnsLookups:
    """Asks the resolvers of this machine, or the `nameservers` at `port`; safe to share between threads."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, *, seconds: float = SECONDS) -> None:
        self._nameservers = nameservers
        self._port = port
        self._seconds = seconds

    @cached_property
    def _resolver(self) -> "Resolver":
        import dns.exception  # 60 ms that no other request of the registry needs
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver(configure=not self._nameservers)
        except dns.exception.DNSException as error:
            raise LookupFailed("this machine has no resolver of names") from error
        if self._nameservers:
            resolver.nameservers = list(self._nameservers)
            resolver.port = self._port
        return resolver

    def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host, IPv6 first; raises LookupFailed."""
        import dns.exception

        try:
            found = self._resolver.resolve_name(_absolute(host), lifetime=self._seconds)
            return sorted(found.addresses(), key=lambda address: ":" not in address)
        except dns.exception.DNSException as error:
            raise LookupFailed(f"the name {host} cannot be resolved: {_reason(error)}") from error

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, none if there is none; raises LookupFailed."""
        import dns.exception
        import dns.resolver

        try:
            records = self._resolver.resolve(_absolute(name), "TXT", lifetime=self._seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise LookupFailed(f"the records of {name} cannot be had: {_reason(error)}") from error
        return [b"".join(record.strings).decode(errors="replace") for record in records]


def _absolute(name: str) -> str:
    """Return the name with its last dot, so that no search domain of this machine is tried."""
    return name.rstrip(".") + "."


def _reason(error: Exception) -> str:
    return type(error).__name__
