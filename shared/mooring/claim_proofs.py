"""Looks for the proof of a claim where the owner of a server alone can put something."""

import time
from typing import NamedTuple

from mooring import claim_places
from mooring.claim_places import MARK, Place
from mooring.dns_lookups import DnsLookups, LookupFailed
from mooring.public_web import PublicWeb, Unreachable

SECONDS = 6.0  # with the last look at a name that is 9, of the 10 that the registry's function has


class Evidence(NamedTuple):
    """The tokens at a place, and in words what was found there."""

    tokens: list[str]
    seen: str


class Proofs:
    """Looks where the owner of a server alone can put something, for SECONDS at most."""

    def __init__(self, web: PublicWeb, names: DnsLookups) -> None:
        self._web = web
        self._names = names

    @classmethod
    def public(cls) -> "Proofs":
        """Return those of the public web and DNS."""
        names = DnsLookups()
        return cls(PublicWeb(names.addresses), names)

    def look(self, place: Place) -> Evidence:
        """Return what is at a place; that nothing can be had is told as what was seen."""
        return self._in_dns(place.dns_name) if place.dns_name else self._on_web(place.urls)

    def _in_dns(self, name: str) -> Evidence:
        try:
            texts = self._names.texts(name)
        except LookupFailed as error:
            return Evidence([], str(error))
        found = [token for text in texts for token in claim_places.tokens(text)]
        return Evidence(found, f"{len(texts)} TXT records, {len(found)} of them of a claim")

    def _on_web(self, urls: tuple[str, ...]) -> Evidence:
        seen: list[str] = []
        deadline = time.monotonic() + SECONDS
        for url in urls:
            try:
                status, text = self._web.get(url, deadline)
            except Unreachable as error:
                return Evidence([], "; ".join([*seen, str(error)]))
            found = claim_places.tokens(text) if status == 200 else []
            if found:
                return Evidence(found, f"{url}: {len(found)} lines of claims")
            seen.append(f"{url}: " + (f"no line with {MARK}" if status == 200 else f"status {status}"))
        return Evidence([], "; ".join(seen))
