"""The search index: segments that never change, and which of their servers still count."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mooring.search import ranking, segment
from mooring.search.document import Document
from mooring.search.encoder import Encoder
from mooring.search.entries import Entries
from mooring.search.marking import asked_for, marked
from mooring.search.query import Query
from mooring.search.ranking import Ranked
from mooring.search.reading import Term, read
from mooring.search.segment import Segment

Mask = NDArray[np.bool_]

_KEPT_BYTES = 64 << 20
_NAMED = 2.0
"""More than everything else together."""


@dataclass(frozen=True, slots=True)
class Hit:
    name: str
    """Of the server, `owner/name` in lower case."""
    card: dict[str, Any]
    """Of the server as it was indexed; of a tool its name, description and inputSchema."""
    score: float
    matched: tuple[str, ...]
    """Words of the card that the query asked for, in lower case, and those the entry has elsewhere."""


@dataclass(frozen=True, slots=True)
class Found:
    hits: list[Hit]
    total: int
    """How many there are on all pages."""


class Index:
    """Any number of threads may search one. The order of what is found never changes between pages."""

    def __init__(self, segments: Sequence[Segment], alive: Sequence[Mask], encoder: Encoder) -> None:
        """There is at least one segment; `alive` are the rows of each that count."""
        self.segments = segments
        self._encoder = encoder
        self._alive = np.concatenate(alive)
        self._by_name = _by_name(segments)
        self._is_deployed = np.concatenate([each.servers.is_deployed for each in segments])
        self._server_begins = _begins(len(each.servers) for each in segments)
        self._tool_begins = _begins(len(each.tools) for each in segments)
        self._server_of_tool = np.concatenate(
            [
                each.server_of_tool.astype(np.int64) + begin
                for each, begin in zip(segments, self._server_begins, strict=True)
            ]
        )
        self._is_tool_deployed = self._is_deployed[self._server_of_tool]
        self._popular: NDArray[np.intp] | None = None

    @classmethod
    def build(cls, documents: Iterable[Document], encoder: Encoder) -> "Index":
        """Return an index in memory."""
        built = Segment.of(segment.build(documents, encoder))
        return cls([built], [np.ones(len(built.servers), np.bool_)], encoder)

    def __len__(self) -> int:
        return int(self._alive.sum())

    def search(self, query: Query, offset: int, limit: int) -> Found:
        """Return `limit` servers from the `offset`th on, best first.

        Without a text these are all that pass the filters: the deployed first, then by use, then the newest.
        """
        mask = self._passing(query)
        if not query.text:
            rows = self._by_popularity()
            rows = rows[mask[rows]]
            ranked = Ranked(np.zeros(len(mask), np.float32), mask)
            return Found(self._hits(rows[offset : offset + limit], ranked, ()), len(rows))
        parts = [each.entries for each in self.segments]
        reading = read(query.text, self._encoder, [each.spelling for each in self.segments])
        ranked = ranking.rank(parts, reading, mask, self._is_deployed, self._encoder)
        self._lift_named(query.text, mask, ranked)
        rows = _page(ranked, lambda rows: self._by_name[rows], offset, limit)
        hits = self._hits(rows, ranked, reading.terms)
        self._release()
        return Found(hits, ranked.total)

    def search_tools(self, query: Query, offset: int, limit: int) -> Found:
        """Return tools of servers that pass the filters, best first; without a text by server and name."""
        servers = self._server_of_tool
        ranked = Ranked(np.zeros(len(servers), np.float32), self._passing(query)[servers])
        terms: tuple[Term, ...] = ()
        if query.text:
            parts = [each.tools for each in self.segments]
            reading = read(query.text, self._encoder, [each.spelling for each in self.segments])
            terms = reading.terms
            ranked = ranking.rank(parts, reading, ranked.is_relevant, self._is_tool_deployed, self._encoder)
        rows = _page(ranked, lambda rows: self._by_name[servers[rows]], offset, limit)
        hits = self._tool_hits(rows, ranked, terms)
        self._release()
        return Found(hits, ranked.total)

    def _lift_named(self, text: str, mask: Mask, ranked: Ranked) -> None:
        """Put the server first whose whole name the text is: whoever asks for that means it."""
        name = text.lower().removeprefix("@")
        for begin, each in zip(self._server_begins, self.segments, strict=True):
            own = each.servers.names.find(name) if "/" in name else None
            if own is not None and mask[begin + own]:
                ranked.is_relevant[begin + own] = True
                ranked.scores[begin + own] += _NAMED

    def _release(self) -> None:
        """Give the pages of large files back: of 100,000 servers and their tools 290 MB are touched in time.

        It takes half a millisecond to touch again what the next search needs; other threads' searches do too.
        """
        for each in self.segments:
            if each.arrays.size_bytes > _KEPT_BYTES:
                each.arrays.release()

    def _passing(self, query: Query) -> Mask:
        passing = np.concatenate([each.servers.passing(query.filters) for each in self.segments])
        mask: Mask = self._alive & passing
        return mask

    def _by_popularity(self) -> NDArray[np.intp]:
        """Return all rows in the order of an answer to nothing; worked out once."""
        if self._popular is None:
            created = np.concatenate([each.servers.created for each in self.segments])
            used = np.concatenate([each.servers.use_counts for each in self.segments]).astype(np.int64)
            self._popular = np.lexsort((self._by_name, -created, -used, ~self._is_deployed))
        return self._popular

    def _hits(self, rows: NDArray[np.intp], ranked: Ranked, terms: Sequence[Term]) -> list[Hit]:
        hits = []
        asked = _asked(self._server_begins, rows, ranked, terms)
        for row, words in zip(rows.tolist(), asked, strict=True):
            part, own = _place(self._server_begins, row)
            found = self.segments[part]
            hits.append(_hit(found.servers.names[own], found.entries, own, float(ranked.scores[row]), words))
        return hits

    def _tool_hits(self, rows: NDArray[np.intp], ranked: Ranked, terms: Sequence[Term]) -> list[Hit]:
        hits = []
        asked = _asked(self._tool_begins, rows, ranked, terms)
        for row, words in zip(rows.tolist(), asked, strict=True):
            part, own = _place(self._tool_begins, row)
            found = self.segments[part]
            name = found.servers.names[int(found.server_of_tool[own])]
            hits.append(_hit(name, found.tools, own, float(ranked.scores[row]), words))
        return hits


def _asked(
    begins: Sequence[int], rows: NDArray[np.intp], ranked: Ranked, terms: Sequence[Term]
) -> list[dict[str, str]]:
    """Return the words that each row was asked for by."""
    asked: list[dict[str, str]] = [{} for _ in rows]
    ends = [*begins[1:], np.inf]
    for begin, end, held in zip(begins, ends, ranked.held, strict=False):
        within = np.flatnonzero((rows >= begin) & (rows < end))
        for at, words in zip(within.tolist(), asked_for(terms, held, rows[within] - begin), strict=True):
            asked[at] = words
    return asked


def _hit(name: str, found: Entries, row: int, score: float, asked: dict[str, str]) -> Hit:
    card = json.loads(found.payload(row))
    return Hit(name, card, round(score, 6), marked(asked, card))


def _page(
    ranked: Ranked, by_name: Callable[[NDArray[np.intp]], NDArray[np.float64]], offset: int, limit: int
) -> NDArray[np.intp]:
    """Return rows by score, equal ones by name and place: the same order whatever page is asked for."""
    rows = np.flatnonzero(ranked.is_relevant)
    scores = ranked.scores[rows]
    wanted = offset + limit
    if 0 < wanted < len(rows):
        least = np.partition(scores, len(rows) - wanted)[len(rows) - wanted]
        rows, scores = rows[scores >= least], scores[scores >= least]
    return rows[np.lexsort((by_name(rows), -scores))][offset:wanted]


def _by_name(segments: Sequence[Segment]) -> NDArray[np.float64]:
    """Return for each row a number that orders it by name; those of the first segment are whole ones."""
    orders = [np.arange(len(segments[0].servers), dtype=np.float64)]
    for later in segments[1:]:
        places = [segments[0].servers.names.place(name) for name in later.servers.names]
        orders.append(np.array(places) - 1 + (np.arange(len(places)) + 1) / (len(places) + 1))
    return np.concatenate(orders)


def _begins(lengths: Iterable[int]) -> list[int]:
    begins = [0]
    for length in lengths:
        begins.append(begins[-1] + length)
    return begins[:-1]


def _place(begins: list[int], row: int) -> tuple[int, int]:
    """Return the number of the segment, and of the row in it."""
    part = sum(begin <= row for begin in begins) - 1
    return part, row - begins[part]
