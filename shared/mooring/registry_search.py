"""What answers searches: the index, and for what it cannot know yet or any more, the catalog.

A server is found by its exact name as soon as it is published. While the index is lost, names are all that is
compared, and whoever keeps it is asked to build it again.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mooring import named_servers
from mooring.catalog import Catalog
from mooring.errors import InvalidRequest, SearchUnavailable
from mooring.index_requests import IndexRequests
from mooring.names import normalise
from mooring.observability import logger
from mooring.renewed import Renewed
from mooring.search import blobs, models
from mooring.search.document import Document
from mooring.search.index import Found, Hit, Index
from mooring.search.manifest import IndexLost
from mooring.search.query import Query
from mooring.search.reader import IndexReader
from mooring.search.words import words
from mooring.search_documents import document, is_found
from mooring.server_views import ServerViews, View
from mooring.settings import Settings

_LOST_SECONDS = 60
_EXACT = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    entries: list[View]
    total: int
    """How many there are on all pages."""
    source: Literal["index", "names"] = "index"


class RegistrySearch:
    """For any number of threads. Without a `reader` it knows names only; `requests` ask for a lost index.

    What it reads of the whole catalog, use counts and names, may be `fresh_seconds` old.
    """

    def __init__(
        self,
        catalog: Catalog,
        views: ServerViews,
        reader: IndexReader | None = None,
        requests: IndexRequests | None = None,
        *,
        fresh_seconds: float = 5.0,
    ) -> None:
        self._catalog = catalog
        self._views = views
        self._reader = reader
        self._requests = requests
        self._calls = Renewed(catalog.use_counts, fresh_seconds)
        self._named = Renewed(self._read_names, fresh_seconds)

    def servers(self, query: Query, page: int = 1, page_size: int = 10, *, most: int | None = None) -> Answer:
        """Return a page of the servers that answer `query`, best first, of the best `most` if that is given.

        Entries are those of GET /servers; their use counts are at most some seconds old.
        """
        offset, limit = _range(page, page_size, most)
        index = self._index()
        search = index.search if index else self._search_names
        new = self._just_published(query, index)
        if new is None:
            found = search(query, offset, limit)
        elif offset == 0:
            rest = search(query, 0, max(0, limit - 1))
            found = Found([new, *rest.hits][:limit], rest.total + 1)
        else:
            rest = search(query, offset - 1, limit)
            found = Found(rest.hits, rest.total + 1)
        return Answer(
            entries=[self._entry(hit, is_scored=bool(index and query.text)) for hit in found.hits],
            total=found.total if most is None else min(found.total, most),
            source="index" if index else "names",
        )

    def tools(self, query: Query, page: int = 1, page_size: int = 10) -> Answer:
        """Return a page of the tools that answer `query`, best first, of servers that pass its filters.

        Raises:
            SearchUnavailable: the index is lost, and no names of tools are kept beside it.
        """
        offset, limit = _range(page, page_size, None)
        index = self._index()
        if index is None:
            raise SearchUnavailable(
                "tools cannot be searched while the index is being built; try again in a minute",
                {"retryAfterSeconds": _LOST_SECONDS},
            )
        found = index.search_tools(query, offset, limit)
        entries = [
            {
                "server": hit.name,
                **hit.card,
                "score": hit.score if query.text else None,
                "matched": hit.matched,
            }
            for hit in found.hits
        ]
        return Answer(entries, found.total)

    def _index(self) -> Index | None:
        """Return the index, or None when it is lost; then it has been asked for."""
        if self._reader is None:
            return None
        try:
            return self._reader.index()
        except IndexLost as error:
            logger.warning("index lost", reason=str(error))
            if self._requests:
                self._requests.ask()
        except Exception:  # the boundary to where the index is kept: names are better than nothing
            logger.exception("index not reached")
        return None

    def _just_published(self, query: Query, index: Index | None) -> Hit | None:
        """Return the server of exactly this name, if it may be found and `index` does not know it."""
        try:
            name = normalise(query.text)
        except InvalidRequest:
            return None
        alone = Query(filters=replace(query.filters, ids=frozenset({name})))
        search = index.search if index else self._search_names
        if search(alone, 0, 1).total:
            return None
        server = self._catalog.record(name, is_latest=True)
        found = document(server) if server and is_found(server) else None
        if found is None or not named_servers.passes(found, query.filters):
            return None
        return Hit(name, found.card, _EXACT, tuple(words(query.text)))

    def _search_names(self, query: Query, offset: int, limit: int) -> Found:
        found = named_servers.select(self._named.get(), query)
        matched = tuple(words(query.text))
        hits = [Hit(one.name, one.card, 0.0, matched) for one in found[offset : offset + limit]]
        return Found(hits, len(found))

    def _read_names(self) -> list[Document]:
        calls = self._calls.get()
        return [document(server, calls.get(server.name, 0)) for server in self._catalog.listed(brief=True)]

    def _entry(self, hit: Hit, *, is_scored: bool) -> View:
        use_count = hit.card["useCount"] + self._calls.get().get(hit.name, 0)
        entry = self._views.entry(hit.card, use_count)
        return {**entry, "score": hit.score if is_scored else None, "matched": hit.matched}


def _range(page: int, page_size: int, most: int | None) -> tuple[int, int]:
    """Return the offset and the length of a page."""
    offset = (page - 1) * page_size
    return offset, page_size if most is None else max(0, min(page_size, most - offset))


def configured(settings: Settings, dynamodb: Any, catalog: Catalog) -> RegistrySearch:
    """Return the search that the settings ask for, in a function with a temporary folder of its own."""
    views = ServerViews(settings.ws_url, settings.public_url)
    if not settings.search_index:
        return RegistrySearch(catalog, views)
    reader = IndexReader(
        blobs.opened(settings.search_index, Path(tempfile.gettempdir(), "mooring-index")),
        models.encoder(settings.encoder, settings.models),
        refresh_seconds=settings.search_refresh_seconds,
    )
    return RegistrySearch(catalog, views, reader, IndexRequests(dynamodb, settings.catalog_table))
