"""Words people ask with that servers do not describe themselves with: other languages, and everyday English.

Concepts and their words are in `lexicon.txt`, what else each language needs in `lexicon_words.txt`. They are
read when the first text is expanded. `docs/search.md` says how to add a word.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mooring.search.phrases import Phrases
from mooring.search.polyglot import UNSPACED, English, Pieces, Polyglot
from mooring.search.script import WORD, fold
from mooring.search.tongue import Spaced, Tongue, Unspaced
from mooring.search.words import stem

_MOST_CHARACTERS = 1_000
"""Of a text; a longer one has said by then what it is about."""
_MOST_RELATED = 16
_KEYWORD = 0.4
"""What else servers of a concept say counts this much of the concept itself."""
_KEYWORD_OF_NAMED = 0.7
_NAMED = 0.3
"""How surely a text that has the name of a concept means all that servers of it say."""


@dataclass(frozen=True, slots=True)
class Expansion:
    english: str
    """Of a text in another language what is known of it, and names and unknown Latin words; else empty."""
    related: tuple[tuple[str, float], ...]
    """Words that the text implies and neither it nor `english` has, surest (1) first."""
    language: str
    """Best guess, as in ISO 639-1; empty if nothing tells."""


def expand(text: str) -> Expansion:
    """Return what `text` means in the words of servers; any text can be asked."""
    lexicon = _lexicon()
    text = text[:_MOST_CHARACTERS]
    words = lexicon.words(text)
    language, pieces = lexicon.polyglot.read(text, words)
    if not any(isinstance(piece, tuple) for piece in pieces):
        return Expansion("", lexicon.related(words, ()), language)
    concepts = [concept for piece in pieces if isinstance(piece, tuple) for concept in piece]
    english = lexicon.english(pieces)
    return Expansion(" ".join(english), lexicon.related(english, concepts), language)


@cache
def _lexicon() -> "Lexicon":
    folder = Path(__file__).parent
    return Lexicon(
        (folder / "lexicon.txt").read_text(encoding="utf-8"),
        (folder / "lexicon_words.txt").read_text(encoding="utf-8"),
    )


class Lexicon:
    """Any number of threads may ask one; a language is learnt when a text may be in it."""

    def __init__(self, concepts: str, words: str) -> None:
        self._lists = _lists(words)
        han = self._list("han")[0]
        self._simplified = str.maketrans(han[::2], han[1::2])
        header, *rows = (line.split("|") for line in concepts.splitlines() if line[:1] not in ("", "#"))
        self._terms = {
            language: [(at, row[column]) for at, row in enumerate(rows) if len(row) > column and row[column]]
            for column, language in enumerate(header)
        }
        stop_words = frozenset(self._list("stop", "en"))
        self._stop_words = stop_words
        self._concepts = [_names(cell, stop_words) for _, cell in self._terms["english"]]
        everyday = [(cell, at) for at, cell in self._terms["also"]]
        named = [(f"{cell.partition(';')[0]}={_NAMED}", at) for at, cell in self._terms["english"]]
        self._phrases = Phrases([*everyday, *named], stop_words)
        described = " ".join(cell for _, cell in self._terms["english"] + self._terms["also"])
        known = [*WORD.findall(described), *stop_words, *self._list("english")]
        self.polyglot = Polyglot(English(known, self._list("international")), self._learn)

    def words(self, text: str) -> list[str]:
        """Return the words of `text`, folded; of scripts without spaces, what stands together."""
        words: list[str] = WORD.findall(fold(text).translate(self._simplified))
        return words

    def english(self, pieces: Pieces) -> list[str]:
        """Return pieces as English words, none twice."""
        found: dict[str, None] = {}
        for piece in pieces:
            if isinstance(piece, tuple):
                found |= dict.fromkeys(word for concept in piece for word in self._concepts[concept][0])
            elif piece.isascii() and piece not in self._stop_words:
                found[piece] = None
        return list(found)

    def related(self, words: Sequence[str], concepts: Collection[int]) -> tuple[tuple[str, float], ...]:
        """Return what English `words`, which already say `concepts`, imply besides."""
        weights: dict[str, float] = {}
        said = {stem(word) for word in words}
        for concept, weight in [*self._phrases.find(words).items(), *((each, 1.0) for each in concepts)]:
            name, keywords = self._concepts[concept]
            # A phrase that has the name of what it means in it says more than the name.
            is_named = concept not in concepts and all(stem(word) in said for word in name)
            share = _KEYWORD_OF_NAMED if is_named else _KEYWORD
            for word, part in [*((word, 1.0) for word in name), *((word, share) for word in keywords)]:
                weights[word] = max(weights.get(word, 0.0), round(weight * part, 2))
        implied = [(word, weight) for word, weight in weights.items() if stem(word) not in said]
        return tuple(sorted(implied, key=lambda each: -each[1])[:_MOST_RELATED])

    def _list(self, kind: str, language: str = "") -> list[str]:
        return self._lists.get((kind, language), [])

    def _learn(self, language: str) -> Tongue:
        stop_words = [word.translate(self._simplified) for word in self._list("stop", language)]
        tongue: Tongue
        if language in UNSPACED:
            tongue = Unspaced(language, stop_words)
        else:
            endings, prefixes = self._list("endings", language), self._list("prefixes", language)
            tongue = spaced = Spaced(language, stop_words, endings, prefixes)
            for phrase in filter(lambda word: "_" in word, stop_words):
                spaced.ignore(phrase.split("_"))
        concepts, cells = zip(*self._terms[language], strict=True)
        # Folded all at once: it takes a tenth of the time.
        folded = fold("\n".join(cells)).translate(self._simplified).split("\n")
        for concept, cell in zip(concepts, folded, strict=True):
            for term in cell.split(","):
                tongue.learn([term] if term.isalnum() else WORD.findall(term), concept)
        return tongue


def _lists(text: str) -> dict[tuple[str, str], list[str]]:
    """Read lines `kind language: words`."""
    lists: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            head, _, listed = line.partition(": ")
            kind, _, language = head.partition(" ")
            # The pairs of Han are what folding is made of.
            lists[kind, language] = (listed if kind == "han" else fold(listed)).split()
    return lists


def _names(cell: str, stop_words: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a concept's name, and its keywords."""
    name, _, keywords = cell.partition(";")
    first, more = (
        tuple(word for word in dict.fromkeys(WORD.findall(text)) if len(word) > 1 and word not in stop_words)
        for text in (name, keywords)
    )
    return first, tuple(word for word in more if word not in first)
