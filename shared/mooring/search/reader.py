"""Gives the index of now: looks every few seconds whether the manifest is another one."""

import threading
import time
from collections.abc import Callable

import numpy as np

from mooring.search import manifest
from mooring.search.blobs import Blobs
from mooring.search.encoder import Encoder
from mooring.search.index import Index
from mooring.search.manifest import IndexLost
from mooring.search.segment import Segment


class IndexReader:
    """Any number of threads may share one; while one of them opens what is new, the others use what was."""

    def __init__(
        self,
        blobs: Blobs,
        encoder: Encoder,
        *,
        refresh_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._encoder = encoder
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = -float("inf")
        self._etag: str | None = None
        self._index: Index | None = None
        self._segments: dict[str, Segment] = {}
        self._lost = IndexLost("there is no index")

    def index(self) -> Index:
        """Return the index as it is, or was at most `refresh_seconds` ago.

        Raises:
            IndexLost: it has to be built from the record. Asked again, this looks again at once.
        """
        is_due = self._index is None or self._clock() - self._looked_at >= self._refresh_seconds
        if is_due and self._lock.acquire(blocking=self._index is None):
            try:
                self._look()
            finally:
                self._lock.release()
        index = self._index
        if index is None:
            raise self._lost
        if not all(segment.arrays.is_untouched() for segment in index.segments):
            self._lose(IndexLost("a file of the index was written to"), None)
        return index

    def _look(self) -> None:
        """Open what the manifest names; what is lost is tried again when it has another ETag, or in time."""
        now = self._clock()
        is_due = now - self._looked_at >= self._refresh_seconds
        self._looked_at = now
        etag = self._blobs.etag(manifest.NAME)
        if etag is None:
            self._lose(IndexLost("there is no index"), None)
        elif etag != self._etag or (self._index is None and is_due):
            try:
                self._index = self._opened()
            except IndexLost as error:
                self._lose(error, etag)
            self._etag = etag
        elif self._index is not None and not all(each.arrays.is_there() for each in self._index.segments):
            self._lose(IndexLost("a file of the index is missing"), etag)

    def _lose(self, error: IndexLost, etag: str | None) -> None:
        self._index, self._segments, self._etag, self._lost = None, {}, etag, error
        raise error

    def _opened(self) -> Index:
        current = manifest.read(self._blobs)
        if current.encoder != self._encoder.id:
            raise IndexLost(f"the index was made by the encoder {current.encoder}")
        segments = {
            part.name: self._segments.get(part.name) or manifest.load(self._blobs, part)
            for part in current.parts
        }
        opened = list(segments.values())
        alive = [np.ones(len(segment.servers), np.bool_) for segment in opened]
        alive[0][list(current.dead)] = False
        for name in self._segments.keys() - segments.keys():
            self._blobs.forget(name)
        self._segments = segments
        return Index(opened, alive, self._encoder)
