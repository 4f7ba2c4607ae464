"""What a query's text comes to: terms with weights, a name that may be meant, and one vector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mooring.search import entries
from mooring.search.encoder import Encoder, EncoderUnavailable
from mooring.search.lexicon import expand
from mooring.search.spelling import Spelling, is_checked
from mooring.search.words import STOP_WORDS, compact, stem, words

Floats = NDArray[np.float32]

_MAX_WORDS = 64
_NAME_WORDS = 4
"""Queries of more words are sentences: no names, and their words are as they were meant."""
_CORRECTED = 0.9
_TRANSLATED = 1.0
_JOINED = 0.5
_RELATED = 0.5
"""What a word counts at most that is not in the query but goes with it."""
_RELATED_MEANING = 0.5


@dataclass(frozen=True, slots=True)
class Term:
    stem: str
    weight: float
    word: str
    """As a reader would look for it."""


@dataclass(frozen=True, slots=True)
class Reading:
    terms: tuple[Term, ...]
    keys: tuple[str, ...]
    """How the name of what is asked for would be kept: written alike, and without generic words."""
    trigrams: frozenset[str]
    vector: Floats


def read(text: str, encoder: Encoder, spellings: Sequence[Spelling]) -> Reading:
    """Return what `text` asks for; an encoder that cannot be reached leaves its words."""
    asked = words(text)[:_MAX_WORDS]
    is_short = len(asked) <= _NAME_WORDS
    expansion = expand(text)
    english = words(expansion.english)
    meant = {word: word for word in asked}
    # What a translation has left as it was may be a slip: then the text was English all along.
    unsure = [word for word in telling(asked) if not english or word in english]
    slips = {word: _corrected(word, encoder, spellings) for word in unsure} if is_short else {}
    if any(word != slip for word, slip in slips.items()):
        meant |= {word: _corrected(word, encoder, spellings) for word in telling(asked)}
        expansion = expand(" ".join(meant[word] for word in asked))
        english = words(expansion.english)
    spelt = " ".join(meant[word] for word in asked)
    return Reading(
        terms=_terms(asked, meant, english, expansion.related),
        keys=tuple(dict.fromkeys((compact(text), entries.bare(text)))) if is_short else (),
        trigrams=frozenset(entries.trigrams_of(entries.bare(spelt)) if is_short and asked else ()),
        vector=_vector(
            expansion.english or (text if spelt == " ".join(asked) else spelt), expansion.related, encoder
        ),
    )


def telling(asked: list[str]) -> list[str]:
    """Return the words that tell what is wanted: all but stop words, unless there are no others."""
    return [word for word in asked if word not in STOP_WORDS] or asked


def _terms(
    asked: list[str], meant: dict[str, str], english: list[str], related: Sequence[tuple[str, float]]
) -> tuple[Term, ...]:
    terms: dict[str, Term] = {}
    for word in telling(asked):
        _add(terms, word, 1.0)
        _add(terms, meant[word], _CORRECTED)
    for word in telling(english):
        _add(terms, word, _TRANSLATED)
    for first, second in pairwise(asked):
        _add(terms, first + second, _JOINED)
    for phrase, weight in related:
        for word in words(phrase):
            _add(terms, word, _RELATED * weight)
    return tuple(terms.values())


def _vector(text: str, related: Sequence[tuple[str, float]], encoder: Encoder) -> Floats:
    """Return the vector of a text, drawn towards what is related to it."""
    texts = [text, " ".join(word for word, _ in related)]
    try:
        vectors = encoder.encode(texts if related else texts[:1])
    except EncoderUnavailable:
        return np.zeros(encoder.dimensions, np.float32)
    if related:
        vectors[0] += np.float32(_RELATED_MEANING * related[0][1]) * vectors[1]
        vectors[0] /= np.maximum(np.linalg.norm(vectors[0]), np.float32(1e-9))
    vector: Floats = vectors[0]
    return vector


def _add(terms: dict[str, Term], word: str, weight: float) -> None:
    root = stem(word)
    if root not in terms or terms[root].weight < weight:
        terms[root] = Term(root, weight, word)


def _corrected(word: str, encoder: Encoder, spellings: Sequence[Spelling]) -> str:
    """Return the word that was meant; a word that the catalog or the encoder knows is meant as it is."""
    if not is_checked(word) or word in encoder or any(spelling.count(word) for spelling in spellings):
        return word
    best, best_score = word, 0.0
    for other, likeness, count in (near for spelling in spellings for near in spelling.nearest(word)):
        score = likeness + 0.02 * math.log(count)
        if score > best_score:
            best, best_score = other, score
    return best
