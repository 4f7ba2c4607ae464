"""The word that a misspelt one was meant to be: the nearest of those the catalog writes often enough."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mooring.search import postings, strings
from mooring.search.arrays import Array, Arrays
from mooring.search.postings import Postings
from mooring.search.strings import Strings

MIN_CHARACTERS = 4
_LOOKED_AT = 48
"""Words that share most pairs of letters with the one that was asked."""


class Spelling:
    def __init__(self, arrays: Arrays) -> None:
        self.words = Strings.of(arrays, "spelling")
        self.counts: NDArray[np.uint32] = arrays["spelling.counts"]
        self._pairs = Postings(arrays, "spelling.pairs")

    def count(self, word: str) -> int:
        """Return how many servers have the word."""
        number = self.words.find(word)
        return 0 if number is None else int(self.counts[number])

    def nearest(self, word: str) -> list[tuple[str, float, int]]:
        """Return words like this one, each with its likeness up to 1 and how many servers have it."""
        pairs = _pairs(word)
        found = [self._pairs.find(pair)[0] for pair in pairs]
        shared = np.bincount(np.concatenate([np.zeros(0, np.uint32), *found]), minlength=0)
        if not len(shared):
            return []
        likely = np.argsort(-shared, kind="stable")[:_LOOKED_AT]
        near = []
        for number in likely[shared[likely] > 0].tolist():
            other = self.words[number]
            if (likeness := _likeness(word, other)) > 0:
                near.append((other, likeness, int(self.counts[number])))
        return near


def pack(counts: Counter[str]) -> dict[str, Array]:
    """Return the arrays for words and how many servers have each."""
    kept = strings.ordered(counts)
    return {
        **strings.pack(kept, "spelling"),
        "spelling.counts": np.array([counts[word] for word in kept], np.uint32),
        **postings.pack(
            (dict.fromkeys(_pairs(word) if is_checked(word) else (), 1.0) for word in kept), "spelling.pairs"
        ),
    }


def merge(parts: Sequence[Arrays]) -> dict[str, Array]:
    counts: Counter[str] = Counter()
    for arrays in parts:
        spelling = Spelling(arrays)
        counts.update(dict(zip(spelling.words, spelling.counts.tolist(), strict=True)))
    return pack(counts)


def is_checked(word: str) -> bool:
    """Whether a word is one that people misspell: letters, and enough of them."""
    return len(word) >= MIN_CHARACTERS and word.isascii() and word.isalpha()


def _pairs(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[at : at + 2] for at in range(len(padded) - 1)}


def _likeness(word: str, other: str) -> float:
    """Return 1 less the share of letters to change, 0 for more changes than a slip makes.

    One change up to seven letters, two from eight on; the first letter is nearly always right.
    """
    allowed = 1 if len(word) < 8 else 2
    if abs(len(word) - len(other)) > allowed:
        return 0.0
    changes = _changes(word, other)
    if changes > allowed:
        return 0.0
    return 1 - (changes + (0.5 if word[0] != other[0] else 0.0)) / max(len(word), len(other))


def _changes(word: str, other: str) -> int:
    """Damerau-Levenshtein: letters to add, drop, replace, or swap with their neighbour."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and word[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
