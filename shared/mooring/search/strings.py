"""A sorted list of different strings in two arrays: found by halving, without a dictionary in memory."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mooring.search.arrays import Array, Arrays

_LANDMARK = 32


class Strings:
    """Order is that of the UTF-8 bytes; a string's number is its place."""

    def __init__(self, text: Array, ends: Array) -> None:
        # Numbers out of a memoryview are Python's, which are twice as fast to reckon with as numpy's.
        self._text = text.data if len(text) else memoryview(b"")
        self._ends = ends.data if len(ends) else memoryview(b"")
        self._landmarks: list[bytes] | None = None
        """Every so manieth string, to begin the search with."""

    @classmethod
    def of(cls, arrays: Arrays, prefix: str) -> "Strings":
        return cls(arrays[prefix + ".text"], arrays[prefix + ".ends"])

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        return str(self.encoded(number), "utf-8")

    def __iter__(self) -> Iterator[str]:
        begin = 0
        for end in self._ends.tolist():
            yield str(self._text[begin:end], "utf-8")
            begin = end

    def encoded(self, number: int) -> bytes:
        begin = self._ends[number - 1] if number else 0
        return bytes(self._text[begin : self._ends[number]])

    def place(self, string: str) -> int:
        """Return how many strings come before it."""
        wanted = string.encode("utf-8", "surrogatepass")
        if self._landmarks is None:
            self._landmarks = [self.encoded(number) for number in range(0, len(self), _LANDMARK)]
        after = bisect_left(self._landmarks, wanted) * _LANDMARK
        low, high = max(1, after - _LANDMARK + 1), min(after, len(self))
        text, ends = self._text, self._ends
        if after == 0:
            return 0
        while low < high:
            middle = (low + high) // 2
            if bytes(text[ends[middle - 1] : ends[middle]]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def find(self, string: str) -> int | None:
        """Return the string's number, None if it is not there."""
        place = self.place(string)
        is_there = place < len(self) and self.encoded(place) == string.encode("utf-8", "surrogatepass")
        return place if is_there else None


def pack(strings: Iterable[str], prefix: str) -> dict[str, Array]:
    """Return the arrays of strings that are sorted and different from each other."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    ends: NDArray[np.int64] = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    return {
        prefix + ".text": np.frombuffer(b"".join(encoded), np.uint8),
        prefix + ".ends": ends.astype(np.uint32) if not len(ends) or ends[-1] < 2**32 else ends,
    }


def ordered(strings: Iterable[str]) -> list[str]:
    """Return the different ones in the order of their UTF-8 bytes, which is that of their code points."""
    return sorted(set(strings))
