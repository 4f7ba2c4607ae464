"""Keeps the search index as the catalog is: change by change, and as a whole when it is lost."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mooring.catalog import Catalog
from mooring.index_requests import is_request
from mooring.observability import logger
from mooring.search import manifest
from mooring.search.blobs import Blobs, Changed
from mooring.search.document import Document
from mooring.search.encoder import Encoder
from mooring.search.manifest import IndexLost
from mooring.search.reader import IndexReader
from mooring.search.writer import IndexWriter
from mooring.search_documents import document, is_found
from mooring.servers import Server, server_from_item

_ATTEMPTS = 5
_AT_ONCE = 100  # of BatchGetItem
_CHANGES_AT_ONCE = 1_000

Change = Mapping[str, Any]
"""A record of the catalog's stream, as Lambda hands it over: `dynamodb` has `Keys` and `NewImage`."""


class CatalogIndexer:
    """Several may work at the same time: whoever comes second does it again."""

    def __init__(self, catalog: Catalog, blobs: Blobs, encoder: Encoder) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._encoder = encoder
        self._writer = IndexWriter(blobs, encoder)

    def follow(self, changes: Sequence[Change]) -> None:
        """Bring changes of the catalog into the index; without one there, all of the catalog.

        Raises:
            EncoderUnavailable: there are no vectors to be had now.
            Changed: others kept writing at the same time.
        """
        servers: dict[str, Server | None] = {}
        is_asked = False
        for change in changes:
            keys = change["dynamodb"]["Keys"]
            is_asked |= is_request(keys)
            if keys["item"]["S"] == "server":
                image = change["dynamodb"].get("NewImage")
                servers[keys["server"]["S"]] = server_from_item(image) if image else None
        if is_asked and not self.is_whole():
            self.rebuild()
        else:
            self.apply(servers)

    def apply(self, servers: Mapping[str, Server | None]) -> None:
        """Have the index hold these servers, by name, as they are; those that nobody may find are removed.

        Raises as `follow`.
        """
        found = [server for server in servers.values() if server and is_found(server)]
        gone = servers.keys() - {server.name for server in found}
        if not servers:
            return
        try:
            self._writer.apply(list(self._documents(iter(found))), sorted(gone))
            logger.info("indexed", changed=len(found), removed=len(gone))
        except IndexLost as error:
            logger.warning("index lost", reason=str(error))
            self.rebuild()

    def catch_up(self, since: str) -> None:
        """Bring in what was changed `since`, ISO 8601; build an index anew that has not as many servers then.

        Raises as `follow`.
        """
        changed = self._catalog.walk(since=since)
        servers = (server for _, server, is_past in changed if not is_past)
        while some := list(islice(servers, _CHANGES_AT_ONCE)):
            self.apply({server.name: server for server in some})
        if len(IndexReader(self._blobs, self._encoder).index()) != self._catalog.count_listed():
            logger.warning("index is of another catalog")
            self.rebuild()

    def rebuild(self) -> None:
        """Make the index anew, of all that the catalog has now; raises as `follow`."""
        for attempt in range(_ATTEMPTS):
            try:
                self._writer.rebuild(self._documents(self._catalog.listed()))
                logger.info("index built")
                return
            except Changed:
                if attempt == _ATTEMPTS - 1:
                    raise

    def is_whole(self) -> bool:
        """Return whether the index is there, undamaged and of this encoder."""
        try:
            current = manifest.read(self._blobs)
            for part in current.parts:
                manifest.load(self._blobs, part)
        except IndexLost:
            return False
        return current.encoder == self._encoder.id

    def _documents(self, servers: Iterator[Server]) -> Iterator[Document]:
        while some := list(islice(servers, _AT_ONCE)):
            calls = self._catalog.calls_of([server.name for server in some])
            yield from (document(server, calls.get(server.name, 0)) for server in some)
