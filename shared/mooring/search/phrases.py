"""Everyday English words and phrases, and the concepts they mean (no I/O)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mooring.search.words import stem

_WORD = re.compile(r"[a-z0-9]+")
_QUESTIONS = frozenset({"who", "what", "where", "when", "which", "how", "why"})
_DIRECTIONS = frozenset({"up", "out", "off", "down", "over", "through"})
"""Neither says anything alone, but a phrase is another one without it: `look up`, `who owns`."""
_SURENESS = (0.6, 0.8, 0.9)
"""Of a phrase of one, two, and more words that count."""
_SPREAD = 3
"""Words that may stand between two of a phrase."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    stems: frozenset[str]
    concept: int
    weight: float


class Phrases:
    """Phrases are found in any order, with words between, and whatever their words end in."""

    def __init__(self, cells: Iterable[tuple[str, int]], stop_words: Iterable[str]) -> None:
        """`cells` are phrases parted by commas, each with its weight or without, and what they mean."""
        self._stop_words = frozenset(stop_words) - _QUESTIONS - _DIRECTIONS
        self._by_stem: dict[str, list[_Phrase]] = {}
        for cell, concept in cells:
            for written in filter(None, cell.split(",")):
                text, _, weight = written.partition("=")
                stems = self._stems(_WORD.findall(text))
                if stems:
                    sureness = float(weight) if weight else _SURENESS[min(len(stems), len(_SURENESS)) - 1]
                    self._by_stem.setdefault(max(stems, key=len), []).append(
                        _Phrase(stems, concept, sureness)
                    )

    def find(self, words: Sequence[str]) -> dict[int, float]:
        """Return the concepts that folded words mean, with weights; a phrase hides those it has in it."""
        places: dict[str, list[int]] = {}
        for place, word in enumerate(words):
            places.setdefault(stem(word), []).append(place)
        found = [
            phrase
            for word in places
            for phrase in self._by_stem.get(word, ())
            if phrase.stems <= places.keys() and _are_near(phrase.stems, places)
        ]
        found.sort(key=lambda phrase: -len(phrase.stems))
        meant: dict[int, float] = {}
        whole: list[frozenset[str]] = []
        for phrase in found:
            if not any(phrase.stems < longer for longer in whole):
                whole.append(phrase.stems)
                meant[phrase.concept] = max(phrase.weight, meant.get(phrase.concept, 0.0))
        return meant

    def _stems(self, words: Sequence[str]) -> frozenset[str]:
        """Return the stems that tell a phrase; all of them if what is left would be a single common word."""
        telling = frozenset(stem(word) for word in words if word not in self._stop_words)
        return telling if len(telling) > 1 or len(words) == 1 else frozenset(map(stem, words))


def _are_near(stems: frozenset[str], places: dict[str, list[int]]) -> bool:
    """Whether the stems stand together where any one of them does."""
    first = min(stems, key=lambda each: len(places[each]))
    reach = len(stems) + _SPREAD
    return any(
        all(any(abs(place - start) < reach for place in places[each]) for each in stems)
        for start in places[first]
    )
