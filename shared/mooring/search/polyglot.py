"""Which language a query is in, and what is known of it (no I/O)."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from mooring.search import script
from mooring.search.tongue import NOTHING, Concepts, Span, Tongue
from mooring.search.words import stem

LATIN = ("de", "fr", "es", "pt", "it", "pl", "nl", "tr", "vi", "id", "sv", "cs")
UNSPACED = ("zh", "ja", "ko")
LANGUAGES = (*UNSPACED, *LATIN, "ru", "uk", "ar", "hi")

Pieces = list[Concepts | str]
"""A text in order: what is known of it, and words in Latin letters that are not."""

_SURE = 0.75
"""Words of another language there must be for each one of English only."""
_PLAIN = 4
"""English words for each unknown one with which a text is English, whatever other languages know of it."""
_INTERNATIONAL = 0.3
"""What names of products, and words like `pdf`, count of an English word: texts of any language have them."""
_TELLING_LETTER = 0.5
"""Words that a letter counts which of our languages only one has."""
_LEAST_STRANGE = 5
"""Letters of a word to look for it in other languages than its text is in."""
_LEAST_PART = 4
"""Letters of a word that another begins with."""
_ENGLISH_ENDING = re.compile(
    "(?<=...)(?:(?:at)?(?:ions?|ors?|ive)|ers?|ments?|less|ful|ly|able|ness|ity|al|ic)$"
)
_RELATIVES = {"zh": "ja", "ja": "zh", "ru": "uk", "uk": "ru"}
_WITHOUT_SIGNS = frozenset({"zh", "ru"})
"""A text in their script may be in the relative's, if it has none of the signs that tell it."""


class English:
    """The words by which English is told from other languages that have them too."""

    def __init__(self, words: Iterable[str], international: Iterable[str]) -> None:
        self._international = frozenset(international)
        self._stems = frozenset(map(stem, [*words, *self._international]))

    def __contains__(self, word: str) -> bool:
        """Whether English has `word`, or what it is made from: `crawler` is, if `crawl` is."""
        if stem(word) in self._stems:
            return True
        made = _ENGLISH_ENDING.search(word)
        return made is not None and stem(word[: made.start()] + "e") in self._stems

    def weight(self, word: str) -> float:
        """Return how much `word` tells that a text is English."""
        return (_INTERNATIONAL if word in self._international else 1.0) if word in self else 0.0

    def coined(self, word: str, tongue: Tongue) -> bool:
        """Whether `word` is rather a name that begins with a word of English, as `browserbase` does."""
        if tongue.meaning(word) or len(word) <= _LEAST_STRANGE:
            return False
        parts = [(word[:size], word[size:]) for size in range(_LEAST_PART, len(word) - 1)]
        if any(tail not in self and tongue.meaning(tail) and tongue.meaning(head) for head, tail in parts):
            return False
        return any(head in self._stems for head, _ in parts)


class Polyglot:
    def __init__(self, english: English, learn: Callable[[str], Tongue]) -> None:
        self._english = english
        self._tongue = cache(learn)

    def read(self, text: str, words: list[str]) -> tuple[str, Pieces]:
        """Return the language of a text and its pieces, given its words; none if it is English or unknown."""
        language = script.language_of(words)
        if language in _WITHOUT_SIGNS:
            language = max(language, _RELATIVES[language], key=lambda each: self._known(each, words))
        if not language:
            language, spans = self._read_latin(words, *script.accents(text))
        else:
            spans = self._tongue(language).read(words)
        if language in UNSPACED:
            return language, list(self._unspaced_pieces(words, spans, language))
        return language, list(self._spaced_pieces(words, spans, language)) if spans else []

    def _known(self, language: str, words: Sequence[str]) -> int:
        return sum(span.end - span.begin for span in self._tongue(language).read(words) if span.concepts)

    def _read_latin(
        self, words: Sequence[str], accented: frozenset[str], told: frozenset[str]
    ) -> tuple[str, list[Span]]:
        """Choose the language that knows the most words that English does not know."""
        weights = [0.0 if word in accented else self._english.weight(word) for word in words]
        if sum(weights) >= _PLAIN * weights.count(0.0):
            return "en" if words else "", []
        best: tuple[tuple[float, int, int], str, list[Span]] = ((-math.inf, 0, 0), "", [])
        for language in LATIN:
            tongue = self._tongue(language)
            spans = tongue.read(words)
            if (
                language == "vi"
                and language not in told
                and all(span.end - span.begin == 1 for span in spans)
            ):
                continue  # Its syllables, without their accents, are words of many languages.
            known = {place for span in spans for place in range(span.begin, span.end)}
            own = sum(self._evidence(words[place], tongue) for place in known if not weights[place])
            margin = own - _SURE * sum(weight for place, weight in enumerate(weights) if place not in known)
            if own and margin >= 0:
                margin += _TELLING_LETTER * (language in told)
                best = max(
                    best, ((margin, len(known), -len(spans)), language, spans), key=lambda each: each[0]
                )
        return (best[1], best[2]) if best[1] else ("en" if any(weights) else "", [])

    def _evidence(self, word: str, tongue: Tongue) -> float:
        if len(word) == 1 or self._english.coined(word, tongue):
            return 0.0
        return 1.0 if tongue.has(word) else 0.9

    def _spaced_pieces(
        self, words: Sequence[str], spans: Sequence[Span], language: str
    ) -> Iterator[Concepts | str]:
        at = 0
        for span in [*spans, Span(len(words), len(words), NOTHING)]:
            for word in words[at : span.begin]:
                yield self._elsewhere(word, language) or word
            if span.concepts:
                yield span.concepts
            at = span.end

    def _elsewhere(self, word: str, language: str) -> Concepts:
        """Return what a word means in a language next to that of its text, as a misread text needs it."""
        if language in LATIN and len(word) >= _LEAST_STRANGE and word not in self._english:
            others: Iterable[str] = LATIN
        else:
            others = filter(None, (_RELATIVES.get(language),))
        meanings = (self._tongue(other).meaning(word) for other in others)
        return next(filter(None, meanings), NOTHING)

    def _unspaced_pieces(
        self, words: Sequence[str], spans: Sequence[Span], language: str
    ) -> Iterator[Concepts | str]:
        left = list(spans)[::-1]
        begin = at = 0
        for word in words:
            end = begin + len(word)
            while at < end:
                span = left[-1] if left else Span(end, end, NOTHING)
                gap = word[at - begin : max(0, span.begin - begin)]
                if gap.isascii():
                    yield from filter(None, [gap])
                elif len(gap) > 1 and language in _RELATIVES:
                    yield from (each.concepts for each in self._tongue(_RELATIVES[language]).read([gap]))
                if span.begin < end:
                    if left:
                        yield left.pop().concepts
                    at = span.end
                else:
                    at = end
            begin = end
