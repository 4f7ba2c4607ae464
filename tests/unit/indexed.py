"""A catalog for the tests of the search index: servers in memory, as `Catalog` gives them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mooring.errors import InvalidRequest
from mooring.names import normalise
from mooring.search.blobs import FolderBlobs
from mooring.search.index import Index
from mooring.search.query import parse
from mooring.search.reader import IndexReader
from mooring.servers import Release, Server
from tests.unit.search_world import BagOfWords

RELEASE = Release(launch={"command": "node"})


def server(name: str, description: str = "", **about: Any) -> Server:
    """Return a server that was published at the same time as all others."""
    at = "2026-11-20T12:00:00.000Z"
    known = Server(
        qualified_name=name,
        display_name=name.partition("/")[2],
        description=description,
        created_at=at,
        updated_at=at,
        version=1,
    )
    return replace(known, **about)


class KnownServers:
    """Stands in for `Catalog`; counts how often the whole of it is read."""

    def __init__(self, *servers: Server) -> None:
        self.servers = {server.name: server for server in servers}
        self.calls: dict[str, int] = {}
        self.readings = 0

    def put(self, server: Server) -> None:
        self.servers[server.name] = server

    def record(self, name: str, *, is_latest: bool = False) -> Server | None:
        assert is_latest, "who has just published must find it"
        try:
            return self.servers.get(normalise(name))
        except InvalidRequest:
            raise AssertionError("only names are looked up") from None

    def listed(self, *, brief: bool = False) -> Iterator[Server]:
        self.readings += 1
        return (one for one in list(self.servers.values()) if not one.unlisted and not one.deleted_at)

    def count_listed(self) -> int:
        return sum(1 for one in self.servers.values() if not one.unlisted and not one.deleted_at)

    def walk(self, *, since: str) -> Iterator[tuple[dict[str, str], Server, bool]]:
        return (({}, one, False) for one in self.servers.values() if one.updated_at >= since)

    def calls_of(self, names: Sequence[str]) -> dict[str, int]:
        return {name: self.calls[name] for name in names if name in self.calls}

    def use_counts(self) -> dict[str, int]:
        return dict(self.calls)


def index_in(folder: Path) -> Index:
    return IndexReader(FolderBlobs(folder), BagOfWords()).index()


def names(folder: Path, q: str = "") -> list[str]:
    return [hit.name for hit in index_in(folder).search(parse(q), 0, 100).hits]
