"""Imported servers in batches, and what came of each (no I/O of its own)."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mooring import documents
from mooring.errors import InvalidRequest
from mooring.imports.entries import Imported, Refused

Document = dict[str, Any]

Send = Callable[[list[Document]], list[Document]]
"""Writes the entries of one `POST /servers/batch` and returns their `results`."""

_MAX_ENTRIES = 100  # the registry's upper bound
_MAX_BYTES = 4_000_000  # Lambda takes 6 MB, and counts what it adds
_MAX_ENTRY_BYTES = 400_000  # of what DynamoDB takes for an item
_INVALID = "invalid"
_KEPT = "kept"


@dataclass
class Tally:
    """What came of the servers of an import."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    """Those that could not be imported; also counted, as `invalid`."""
    kept: list[Refused] = field(default_factory=list)
    """Those whose name belongs to another server here; also counted, as `kept`."""

    def refuse(self, one: Refused) -> None:
        self.outcomes[_INVALID] += 1
        self.refused.append(one)

    def add(self, server: Imported, outcome: str, reason: str) -> None:
        if outcome == _INVALID:
            self.refuse(Refused(server.label, reason))
            return
        self.outcomes[outcome] += 1
        if outcome == _KEPT:
            self.kept.append(Refused(server.label, reason))


def write(read: Iterable[Imported | Refused], send: Send, tally: Tally) -> None:
    """Write servers, each under the first of its names that does not belong to another one."""
    wanted: list[tuple[Imported, int]] = []
    for one in read:
        if isinstance(one, Refused):
            tally.refuse(one)
        else:
            wanted.append((one, 0))
    while wanted:
        taken: list[tuple[Imported, int]] = []
        for batch in _batches(wanted, tally):
            results = send(
                [{"qualifiedName": server.names[attempt], **server.server} for server, attempt in batch]
            )
            for (server, attempt), result in zip(batch, results, strict=True):
                if result["outcome"] == _KEPT and attempt + 1 < len(server.names):
                    taken.append((server, attempt + 1))
                else:
                    tally.add(server, result["outcome"], result.get("reason", ""))
        wanted = taken


def _batches(wanted: Iterable[tuple[Imported, int]], tally: Tally) -> Iterator[list[tuple[Imported, int]]]:
    """Yield what fits into one request each; a name occurs once in a request."""
    batch: list[tuple[Imported, int]] = []
    known: set[str] = set()
    size_bytes = 0
    for server, attempt in wanted:
        try:
            more_bytes = len(documents.encode(server.server, "the entry").encode())
        except InvalidRequest as error:
            tally.refuse(Refused(server.label, error.message))
            continue
        if more_bytes > _MAX_ENTRY_BYTES:
            tally.refuse(Refused(server.label, f"the entry has more than {_MAX_ENTRY_BYTES} bytes"))
            continue
        name = server.names[attempt].lower()
        if batch and (name in known or len(batch) == _MAX_ENTRIES or size_bytes + more_bytes > _MAX_BYTES):
            yield batch
            batch, known, size_bytes = [], set(), 0
        batch.append((server, attempt))
        known.add(name)
        size_bytes += more_bytes
    if batch:
        yield batch
