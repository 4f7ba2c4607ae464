"""Brings changes into the index: a segment of what is new, then one conditional change of the manifest."""

import contextlib
import time
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mooring.clock import Clock
from mooring.search import arrays, manifest, segment
from mooring.search.arrays import Arrays
from mooring.search.blobs import Blobs, Changed
from mooring.search.document import Document
from mooring.search.encoder import Encoder
from mooring.search.manifest import IndexLost, Manifest, Part
from mooring.search.segment import Segment

DELTA_ROWS = 2_000
"""Changes after which base and delta become one segment."""
_ATTEMPTS = 8
_BUILT_AT_ONCE = 5_000
_RETIRED_SECONDS = 600.0


class IndexWriter:
    """Several may write at the same time: whose change of the manifest comes second does its work again."""

    def __init__(self, blobs: Blobs, encoder: Encoder, clock: Clock = time.time) -> None:
        self._blobs = blobs
        self._encoder = encoder
        self._clock = clock
        self._segments: dict[str, Segment] = {}
        """Of the last change: the base is still the same at most others."""

    def apply(self, upserts: Sequence[Document], deletes: Sequence[str] = ()) -> None:
        """Have the index hold `upserts` as they are now, and none of the names in `deletes`.

        Raises:
            IndexLost: what is there cannot be added to; `rebuild` replaces it.
            Changed: others kept writing at the same time.
        """
        new = Segment.of(segment.build(upserts, self._encoder))
        for attempt in range(_ATTEMPTS):
            etag = self._blobs.etag(manifest.NAME)
            current = manifest.read(self._blobs)
            if current.encoder != self._encoder.id:
                raise IndexLost(f"the index was made by the encoder {current.encoder}")
            try:
                return self._flip(self._changed(current, new, deletes), current, etag)
            except Changed:
                if attempt == _ATTEMPTS - 1:
                    raise

    def rebuild(self, documents: Iterable[Document]) -> None:
        """Replace the index, whatever is left of it, by one of `documents`, which are read only now.

        Raises:
            Changed: others wrote meanwhile what `documents` may not have; build it again.
        """
        etag = self._blobs.etag(manifest.NAME)
        current = None
        with contextlib.suppress(IndexLost):  # its blobs stay then: nobody knows their names
            current = manifest.read(self._blobs)
        remaining = iter(documents)
        built = [Segment.of(segment.build((), self._encoder))]
        while chunk := list(islice(remaining, _BUILT_AT_ONCE)):
            built.append(Segment.of(segment.build(chunk, self._encoder)))
        base = built[1].arrays if len(built) == 2 else _latest(built)
        built.clear()  # of many servers there would be too much in memory at once
        self._flip(Manifest(encoder=self._encoder.id, base=self._put(base)), current, etag)

    def _changed(self, current: Manifest, new: Segment, deletes: Sequence[str]) -> Manifest:
        names = {*new.servers.names, *deletes}
        base = self._load(current.base)
        dead = {*current.dead, *_rows(base, names)}
        parts = [(new, _alive(new, ()))]
        if current.delta:
            old = self._load(current.delta)
            parts.insert(0, (old, _alive(old, _rows(old, names))))
        rows = sum(int(alive.sum()) for _, alive in parts)
        if rows + len(dead) > DELTA_ROWS:
            merged = segment.merge([(base, _alive(base, dead)), *parts])
            return Manifest(encoder=current.encoder, base=self._put(merged))
        delta = self._put(segment.merge(parts)) if rows else None
        return Manifest(encoder=current.encoder, base=current.base, delta=delta, dead=sorted(dead))

    def _load(self, part: Part) -> Segment:
        known = self._segments.get(part.name)
        if known is None or not known.arrays.is_there():
            known = self._segments[part.name] = manifest.load(self._blobs, part)
        return known

    def _put(self, packed: Arrays) -> Part:
        data = arrays.pack(packed.meta, packed.arrays)
        part = manifest.part_of(data)
        self._blobs.put(part.name, data)
        return part

    def _flip(self, wanted: Manifest, current: Manifest | None, etag: str | None) -> None:
        """Make `wanted` the index, and remove what no reader can be about to open any more."""
        now = self._clock()
        kept = {part.name for part in wanted.parts}
        gone = {name: since for name, since in (current.retired if current else ()) if name not in kept}
        for part in current.parts if current else ():
            if part.name not in kept:
                gone[part.name] = now
        retired = [(name, since) for name, since in gone.items() if now - since <= _RETIRED_SECONDS]
        written = Manifest(
            encoder=wanted.encoder, base=wanted.base, delta=wanted.delta, dead=wanted.dead, retired=retired
        )
        self._blobs.put_if(manifest.NAME, written.as_bytes(), etag)
        for name in self._segments.keys() - kept:
            del self._segments[name]
            self._blobs.forget(name)
        for name in gone.keys() - {name for name, _ in retired}:
            self._blobs.delete(name)


def _latest(built: Sequence[Segment]) -> Arrays:
    """Merge segments of which a later one replaces servers of an earlier one."""
    seen: set[str] = set()
    parts = []
    for each in reversed(built):
        parts.append((each, _alive(each, _rows(each, seen))))
        seen.update(each.servers.names)
    return segment.merge(parts[::-1])


def _rows(found: Segment, names: Iterable[str]) -> list[int]:
    return [row for name in names if (row := found.servers.names.find(name)) is not None]


def _alive(found: Segment, dead: Iterable[int]) -> NDArray[np.bool_]:
    alive = np.ones(len(found.servers), np.bool_)
    alive[list(dead)] = False
    return alive
