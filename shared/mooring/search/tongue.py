"""One language of the lexicon: its terms, its endings, and how a text in it is read (no I/O)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

Concepts = tuple[int, ...]
"""Rows of the lexicon that a term may mean."""
NOTHING: Concepts = ()

MEANINGS = 3
"""A term of more is too vague to help."""
_PHRASE_WORDS = 5
_LEAST_STEM = 3
_LEAST_PART = 4
"""Letters of a part of a compound."""
_LEAST_BEGINNING = {"ru": 4, "uk": 4, "pl": 4, "cs": 4, "tr": 4, "ar": 4, "hi": 3, "de": 6, "nl": 6, "sv": 6}
"""Letters of a word that may stand for all of it when its end is unknown; elsewhere endings are few."""
_MOST_UNKNOWN = 6
"""Letters of such an end."""
_COMPOUNDING = frozenset({"de", "nl", "sv"})
_JOINED_BY_LETTER = {"ar": "وبلفك"}
"""Letters that are words of their own, yet written as one with the next word."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a tongue knows of a text: in the units of its `read`, from `begin` to `end`."""

    begin: int
    end: int
    concepts: Concepts
    """None for words that say nothing about what is wanted."""


class Tongue(Protocol):
    def learn(self, term: Sequence[str], concept: int) -> None:
        """Take in the words of a term."""

    def read(self, words: Sequence[str]) -> list[Span]:
        """Return what is known of a text, longest terms first, in order."""

    def meaning(self, word: str) -> Concepts:
        """Return what a word means but for its ending; `NOTHING` if it is unknown."""

    def has(self, word: str) -> bool:
        """Whether it knows a word just so, were it as a stop word."""


class Spaced:
    """A language that parts its words by spaces and bends their ends; its spans count words."""

    def __init__(
        self, language: str, stop_words: Iterable[str], endings: Iterable[str], prefixes: Sequence[str]
    ) -> None:
        self._fewest = _LEAST_BEGINNING.get(language)
        self._compounds = language in _COMPOUNDING
        self._joined = _JOINED_BY_LETTER.get(language, "")
        self._endings = frozenset(endings)
        self._longest_ending = max(map(len, self._endings), default=0)
        self._last_letters = frozenset(ending[-1] for ending in self._endings)
        self._prefixes = tuple(prefixes)
        self._exact: dict[str, Concepts] = dict.fromkeys(stop_words, NOTHING)
        self._by_stem: dict[str, Concepts] = {}
        self._phrases: dict[str, Concepts] = {}
        self._first_stems: set[str] = set()

    def learn(self, term: Sequence[str], concept: int) -> None:
        if len(term) == 1:
            bare = self._bare(term[0])
            _learn(self._exact, bare, concept)
            _learn(self._by_stem, self._stem(bare), concept)
        else:
            stems = [self._stem(self._bare(word)) for word in term]
            _learn(self._phrases, " ".join(stems), concept)
            self._first_stems.add(stems[0])

    def ignore(self, phrase: Sequence[str]) -> None:
        """Take in a phrase that means nothing though its words may."""
        stems = [self._stem(self._bare(word)) for word in phrase]
        self._phrases[" ".join(stems)] = NOTHING
        self._first_stems.add(stems[0])

    def read(self, words: Sequence[str]) -> list[Span]:
        stems = [self._stem(self._bare(word)) for word in words]
        spans: list[Span] = []
        at = 0
        while at < len(words):
            span = self._phrase(stems, at) or self._word(words[at], at)
            if span:
                spans.append(span)
            at = span.end if span else at + 1
        return spans

    def meaning(self, word: str) -> Concepts:
        bare = self._bare(word)
        return self._exact.get(bare) or self._by_stem.get(self._stem(bare)) or NOTHING

    def has(self, word: str) -> bool:
        return self._bare(word) in self._exact

    def _bare(self, word: str) -> str:
        for prefix in self._prefixes:
            if word.startswith(prefix) and len(word) - len(prefix) >= _LEAST_STEM:
                return word[len(prefix) :]
        return word

    def _stem(self, word: str) -> str:
        if word[-1] not in self._last_letters:
            return word
        for size in range(min(self._longest_ending, len(word) - _LEAST_STEM), 0, -1):
            if word[-size:] in self._endings:
                return word[:-size]
        return word

    def _phrase(self, stems: Sequence[str], at: int) -> Span | None:
        if stems[at] in self._first_stems:
            for end in range(min(len(stems), at + _PHRASE_WORDS), at + 1, -1):
                concepts = self._phrases.get(" ".join(stems[at:end]))
                if concepts is not None:
                    return Span(at, end, concepts)
        return None

    def _word(self, word: str, at: int) -> Span | None:
        if self._exact.get(word) == NOTHING:
            return Span(at, at + 1, NOTHING)
        concepts = self.meaning(word) or self._compound(word) or self._beginning(word)
        return Span(at, at + 1, concepts) if concepts else None

    def _compound(self, word: str) -> Concepts:
        """Return what a word put together of two means, the first of them as long as it can be."""
        if self._compounds:
            for size in range(len(word) - _LEAST_PART, _LEAST_PART - 1, -1):
                head, tail = word[:size], self.meaning(word[size:])
                if tail and (first := self.meaning(head) or self.meaning(head.removesuffix("s"))):
                    return (first[0], tail[0])
        elif len(word) > _LEAST_PART and word[0] in self._joined:
            return self.meaning(word[1:])
        return NOTHING

    def _beginning(self, word: str) -> Concepts:
        if self._fewest is not None:
            least = max(self._fewest, len(word) - _MOST_UNKNOWN, (len(word) + 1) // 2)
            for size in range(len(word) - 1, least - 1, -1):
                if concepts := self._exact.get(word[:size]) or self._by_stem.get(word[:size]):
                    return concepts
        return NOTHING


class Unspaced:
    """A language whose words nothing parts, or only particles; its spans count characters of all words."""

    def __init__(self, language: str, stop_words: Iterable[str]) -> None:
        self._is_syllabic = language == "ko"
        self._terms: dict[str, Concepts] = dict.fromkeys(stop_words, NOTHING)
        self._longest = max(map(len, self._terms), default=1)

    def learn(self, term: Sequence[str], concept: int) -> None:
        key = "".join(term)
        _learn(self._terms, key, concept)
        self._longest = max(self._longest, len(key))

    def read(self, words: Sequence[str]) -> list[Span]:
        text = "".join(words)
        spans: list[Span] = []
        begin = at = 0
        for word in words:
            end = begin + len(word)
            while at < end:
                # A word in Latin letters is known as a whole.
                least = end if word.isascii() else at + 1
                span = self._starting(text, at, least, len(text) if at == begin else end)
                if span and not (span.concepts and self._is_syllable(span, begin, end)):
                    spans.append(span)
                    at = span.end
                else:
                    at = least
            begin = end
        return spans

    def meaning(self, word: str) -> Concepts:
        return self._terms.get(word, NOTHING)

    def has(self, word: str) -> bool:
        return word in self._terms

    def _starting(self, text: str, at: int, least: int, most: int) -> Span | None:
        for end in range(min(at + self._longest, most), least - 1, -1):
            concepts = self._terms.get(text[at:end])
            if concepts is not None:
                return Span(at, end, concepts)
        return None

    def _is_syllable(self, span: Span, begin: int, end: int) -> bool:
        """One syllable of Korean means something only as a word, with one particle at most."""
        is_word = span.begin == begin and end - begin <= 2
        return self._is_syllabic and span.end - span.begin == 1 and not is_word


def _learn(terms: dict[str, Concepts], key: str, concept: int) -> None:
    known = terms.get(key)
    if not known:
        terms[key] = (concept,)
    elif concept not in known and len(known) < MEANINGS:
        terms[key] = (*known, concept)
