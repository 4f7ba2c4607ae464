"""Vectors of rows in int8, and which of them point where a query does.

Few rows are compared one by one. Many are first sorted out by the signs of their numbers, one bit per
dimension: how many differ estimates the angle at a thirtieth of the cost, and finds 97 of the best 100.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mooring.search.arrays import Array, Arrays

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

EXACT_ROWS = 16_384
"""Up to so many rows each one is compared."""
CANDIDATES = 1_000
"""Of more rows, so many are, and those that share words with the query."""


class Vectors:
    def __init__(self, arrays: Arrays, prefix: str) -> None:
        self._vectors: NDArray[np.int8] = arrays[prefix + ".vectors"]
        self._scales: Floats = arrays[prefix + ".scales"]
        self._signs: NDArray[np.uint64] = arrays[prefix + ".signs"]
        self._floats: Floats | None = None

    def __len__(self) -> int:
        return len(self._vectors)

    def all_cosines(self, vector: Floats) -> Floats:
        """Return the cosine of every row; keeps the rows as floats, which is for few."""
        if self._floats is None:
            self._floats = self._vectors.astype(np.float32) * self._scales[:, None]
        return self._floats @ vector

    def cosines(self, vector: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return the cosines of some rows, ascending."""
        cosines: Floats = (self._vectors[rows].astype(np.float32) @ vector) * self._scales[rows]
        return cosines

    def nearest(self, vector: Floats, mask: Mask, count: int) -> NDArray[np.intp]:
        """Return `count` rows of `mask` or a few more whose signs differ least, ascending."""
        differing = np.bitwise_count(self._signs ^ _signs(vector[None])[0])
        distances = differing.sum(axis=1, dtype=np.uint16)
        by_distance = np.cumsum(np.bincount(distances[mask], minlength=1))
        limit = int(np.searchsorted(by_distance, count))
        return np.flatnonzero(mask & (distances <= limit))


def pack(vectors: Floats, prefix: str) -> dict[str, Array]:
    """Return the arrays of vectors of length 1, or 0."""
    scales = np.abs(vectors).max(axis=1, initial=0) / np.float32(127)
    rounded = np.rint(vectors / np.maximum(scales, np.float32(1e-9))[:, None]).astype(np.int8)
    return {
        prefix + ".vectors": rounded,
        prefix + ".scales": scales.astype(np.float32),
        prefix + ".signs": _signs(vectors),
    }


def merge(parts: Sequence[tuple[Arrays, NDArray[np.int64]]], count: int, prefix: str) -> dict[str, Array]:
    """Return the arrays of `count` rows out of several parts.

    Each part comes with the new numbers of its rows, -1 for one to leave out.
    """
    merged: dict[str, Array] = {}
    for name in (prefix + ".vectors", prefix + ".scales", prefix + ".signs"):
        first = parts[0][0][name]
        merged[name] = np.zeros((count, *first.shape[1:]), first.dtype)
        for arrays, places in parts:
            merged[name][places[places >= 0]] = arrays[name][places >= 0]
    return merged


def _signs(vectors: Floats) -> NDArray[np.uint64]:
    """Return one bit per dimension, in words of 64; dimensions are a multiple of that."""
    return np.packbits(vectors > 0, axis=1).view(np.uint64)
