"""One import from start to end: read, map, write, and remember where it is."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from mooring.client.registry import Registry
from mooring.errors import InvalidRequest, LimitReached, MooringError
from mooring.imports import entries, lines
from mooring.imports.entries import Imported, Refused
from mooring.imports.read_api import Page, Position, pages
from mooring.imports.writing import Tally, write
from mooring.official_registry import OfficialRegistry
from mooring_cli.failures import Failure
from mooring_cli.import_place import Place
from mooring_cli.import_progress import Progress

_CHUNK = 100  # servers between two steps of the bar: one request
_PAUSES_SECONDS = (1.0, 2.0, 4.0)  # before what failed for the moment is tried again

_Answer = TypeVar("_Answer")


class Run:
    """Writes into `registry`; `source` is what the servers are said to be from, None: where they are read."""

    def __init__(self, registry: Registry, *, source: str | None, overwrite: bool) -> None:
        self._registry = registry
        self._source = source
        self._overwrite = overwrite
        self.tally = Tally()

    def read_lines(self, file: Path) -> None:
        """Import a file with one server a line."""
        with file.open("rb") as counted:
            total = sum(1 for line in counted if line.strip())
        with file.open("rb") as read:
            self._write(lines.imported(read, self._source or file.name), Progress(sys.stderr, total))

    def read_answer(self, file: Path) -> None:
        """Import a saved answer of a registry's API, or a server.json.

        Raises:
            Failure: it is neither.
        """
        try:
            document = json.loads(file.read_bytes())
        except (ValueError, RecursionError) as error:
            raise Failure(f"{file} is not JSON", "Save an answer of GET /v0.1/servers") from error
        found = document.get("servers", [document]) if isinstance(document, dict) else None
        if not isinstance(found, list):
            raise Failure(f"{file} has no list `servers`", "Save an answer of GET /v0.1/servers")
        read = entries.imported(found, self._source or file.name)
        self._write(read, Progress(sys.stderr, len(found)))

    def read_registry(self, url: str, place: Place, *, from_the_start: bool) -> None:
        """Import what is left of a run that was interrupted, else what has changed since the last one.

        Raises:
            Failure: the registry cannot be read.
        """
        there = OfficialRegistry(url)
        progress = Progress(sys.stderr)
        start = Position() if from_the_start else place.read()
        for page, after in _pages(there, start):
            self._write(entries.imported(page.entries, self._source or there.name), progress)
            place.save(after)

    def _write(self, read: Iterable[Imported | Refused], progress: Progress) -> None:
        read = iter(read)
        try:
            while chunk := list(islice(read, _CHUNK)):
                told = len(self.tally.refused), len(self.tally.kept)
                write(chunk, self._send, self.tally)
                for one in (*self.tally.refused[told[0] :], *self.tally.kept[told[1] :]):
                    progress.note(f"{one.label}: {one.reason}")
                progress.advance(len(chunk))
        finally:
            progress.end()

    def _send(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _patiently(lambda: self._registry.put_servers(batch, overwrite=self._overwrite))


def _pages(there: OfficialRegistry, position: Position) -> Iterator[tuple[Page, Position]]:
    try:
        yield from pages(lambda query: _patiently(lambda: there.read(query)), position, time.time())
    except (OSError, InvalidRequest) as error:
        raise Failure(f"{there.name} cannot be read: {error}", "The same command goes on there") from error


def _patiently(call: Callable[[], _Answer]) -> _Answer:
    """Return what `call` returns; try again what may only be a bad moment."""
    for pause_seconds in _PAUSES_SECONDS:
        try:
            return call()
        except (OSError, MooringError) as error:
            if isinstance(error, MooringError) and not _may_pass(error):
                raise
            time.sleep(pause_seconds)
    return call()


def _may_pass(error: MooringError) -> bool:
    return isinstance(error, LimitReached) or error.http_status >= 500
