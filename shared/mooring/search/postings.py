"""Which rows hold a term, and how much it says about each: an inverted list in four arrays.

A term's weight in a row is one byte, and depends on nothing but that row: lists of two segments can be put
together, and their scores compared, without the texts they came from. How rare a term is comes in with the
query.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mooring.search import strings
from mooring.search.arrays import Array, Arrays
from mooring.search.strings import Strings

Rows = NDArray[np.uint32]
Weights = NDArray[np.uint8]

FULL = 255
"""The weight that stands for 1."""


class Postings:
    def __init__(self, arrays: Arrays, prefix: str) -> None:
        self.terms = Strings.of(arrays, prefix + ".terms")
        ends = arrays[prefix + ".ends"]
        self._counts = ends
        self._ends = ends.data if len(ends) else memoryview(b"")
        self._rows: Rows = arrays[prefix + ".rows"]
        self._weights: Weights = arrays[prefix + ".weights"]

    def find(self, term: str) -> tuple[Rows, Weights]:
        """Return the rows that hold `term`, ascending, and its weight in each."""
        number = self.terms.find(term)
        return (self._rows[:0], self._weights[:0]) if number is None else self.at(number)

    def at(self, number: int) -> tuple[Rows, Weights]:
        begin, end = self._ends[number - 1] if number else 0, self._ends[number]
        return self._rows[begin:end], self._weights[begin:end]

    def counts(self) -> NDArray[np.int64]:
        """Return by term how many rows hold it."""
        return np.diff(self._counts, prepend=0).astype(np.int64)

    @property
    def all(self) -> tuple[Rows, Weights]:
        """Rows and weights of all terms, one term after the other."""
        return self._rows, self._weights


def pack(rows: Iterable[Mapping[str, float]], prefix: str) -> dict[str, Array]:
    """Return the arrays of a list; each row gives its terms' weights, over 0 and up to 1."""
    lists: dict[str, tuple[array[int], array[int]]] = {}
    for row, weights in enumerate(rows):
        for term, weight in weights.items():
            if term not in lists:
                lists[term] = (array("I"), array("B"))
            lists[term][0].append(row)
            lists[term][1].append(max(1, round(weight * FULL)))
    terms = strings.ordered(lists)
    return {
        **strings.pack(terms, prefix + ".terms"),
        prefix + ".ends": np.cumsum([len(lists[term][0]) for term in terms], dtype=np.int64).astype(
            np.uint32
        ),
        prefix + ".rows": np.frombuffer(b"".join(lists[term][0].tobytes() for term in terms), np.uint32),
        prefix + ".weights": np.frombuffer(b"".join(lists[term][1].tobytes() for term in terms), np.uint8),
    }


def merge(parts: Sequence[tuple[Postings, NDArray[np.int64]]], prefix: str) -> dict[str, Array]:
    """Return the arrays of one list out of several.

    Each list comes with the new numbers of its rows, -1 for one to leave out.
    """
    terms = strings.ordered(term for postings, _ in parts for term in postings.terms)
    numbers = {term: number for number, term in enumerate(terms)}
    moved = list(_moved(parts, numbers))
    of_terms = np.concatenate([part[0] for part in moved]) if moved else np.zeros(0, np.int64)
    rows = np.concatenate([part[1] for part in moved]) if moved else np.zeros(0, np.int64)
    weights = np.concatenate([part[2] for part in moved]) if moved else np.zeros(0, np.uint8)
    order = np.lexsort((rows, of_terms))
    counts = np.bincount(of_terms, minlength=len(terms))
    kept = [term for term, count in zip(terms, counts.tolist(), strict=True) if count]
    return {
        **strings.pack(kept, prefix + ".terms"),
        prefix + ".ends": np.cumsum(counts[counts > 0]).astype(np.uint32),
        prefix + ".rows": rows[order].astype(np.uint32),
        prefix + ".weights": weights[order],
    }


def _moved(
    parts: Sequence[tuple[Postings, NDArray[np.int64]]], numbers: Mapping[str, int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Weights]]:
    for postings, places in parts:
        rows, weights = postings.all
        own = np.fromiter((numbers[term] for term in postings.terms), np.int64, len(postings.terms))
        of_terms = np.repeat(own, postings.counts())
        moved = places[rows]
        kept = moved >= 0
        yield of_terms[kept], moved[kept], weights[kept]
