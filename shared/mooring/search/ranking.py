"""How well each row answers a reading: words, meaning and name, added up.

The weights lie on a plateau: a third more or less of one hardly moves the result (`docs/search.md`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mooring.search import vectors
from mooring.search.encoder import Encoder
from mooring.search.entries import Entries
from mooring.search.postings import FULL, Rows, Weights
from mooring.search.reading import Reading

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

WORDS = 0.50
MEANING = 0.40
NAME_LIKENESS = 0.15
EXACT_NAME = 0.25
DEPLOYED = 0.05
"""The prior: what is hosted here and equally good comes first."""


@dataclass(frozen=True, slots=True)
class Ranked:
    scores: Floats
    is_relevant: Mask
    held: Sequence[Sequence[Rows]] = ()
    """Part by part and term by term of the reading: the rows that hold the term."""

    @property
    def total(self) -> int:
        return int(np.count_nonzero(self.is_relevant))


def rank(
    parts: Sequence[Entries], reading: Reading, mask: Mask, is_deployed: Mask, encoder: Encoder
) -> Ranked:
    """Score the rows of all parts, one after the other; `mask` leaves out rows before anything is compared.

    Relevant is a row that has a word of the query or its name, or whose cosine is over the encoder's `close`.
    """
    found = [[part.words.find(term.stem) for term in reading.terms] for part in parts]
    by_words = np.where(mask, _words(parts, reading, found), np.float32(0))
    cosines = _cosines(parts, reading.vector, mask, by_words)
    likeness, exact = _likeness(parts, reading), _exact(parts, reading)
    scores = WORDS * _share(by_words) + MEANING * _nearness(cosines, encoder)
    scores += NAME_LIKENESS * likeness + EXACT_NAME * exact
    is_relevant = mask & ((by_words > 0) | (exact > 0) | (likeness >= 0.5) | (cosines >= encoder.close))
    scores += DEPLOYED * is_deployed
    held = [[rows for rows, _ in of_part] for of_part in found]
    return Ranked(np.round(scores, 6).astype(np.float32), is_relevant, held)


def _words(
    parts: Sequence[Entries], reading: Reading, found: Sequence[Sequence[tuple[Rows, Weights]]]
) -> Floats:
    """BM25F: the weights of the query's terms, each by how rare it is."""
    total = sum(len(part) for part in parts)
    scores = np.zeros(total, np.float32)
    for number, term in enumerate(reading.terms):
        count = sum(len(of_part[number][0]) for of_part in found)
        rarity = math.log(1 + (total - count + 0.5) / (count + 0.5))
        factor = np.float32(term.weight * rarity / FULL)
        begin = 0
        for part, of_part in zip(parts, found, strict=True):
            rows, weights = of_part[number]
            scores[begin : begin + len(part)][rows] += factor * weights
            begin += len(part)
    return scores


def _share(scores: Floats) -> Floats:
    best = scores.max(initial=0)
    return scores / best if best else scores


def _cosines(parts: Sequence[Entries], vector: Floats, mask: Mask, by_words: Floats) -> Floats:
    cosines = np.zeros(len(mask), np.float32)
    begin = 0
    for part in parts:
        rows = slice(begin, begin + len(part))
        begin += len(part)
        if len(part) <= vectors.EXACT_ROWS:
            cosines[rows] = part.vectors.all_cosines(vector)
            continue
        near = np.zeros(len(part), np.bool_)
        near[part.vectors.nearest(vector, mask[rows], vectors.CANDIDATES)] = True
        near |= _best(by_words[rows], vectors.CANDIDATES)
        chosen = np.flatnonzero(near)
        cosines[rows][chosen] = part.vectors.cosines(vector, chosen)
    cosines[~mask] = 0
    return cosines


def _best(scores: Floats, count: int) -> Mask:
    """Return the rows of the `count` best scores over 0, or a few more if they are equal."""
    positive = scores[scores > 0]
    if len(positive) <= count:
        return scores > 0
    best: Mask = scores >= np.partition(positive, len(positive) - count)[len(positive) - count]
    return best


def _nearness(cosines: Floats, encoder: Encoder) -> Floats:
    """Return the cosines from 0 at the floor to 1 for the best, or to less if even that is not close."""
    top = float(cosines.max(initial=0))
    if top <= encoder.floor:
        return np.zeros_like(cosines)
    confidence = min(1.0, top / encoder.close)
    nearness: Floats = np.maximum(cosines - encoder.floor, 0) * np.float32(confidence / (top - encoder.floor))
    return nearness


def _likeness(parts: Sequence[Entries], reading: Reading) -> Floats:
    """Dice's coefficient of the trigrams of query and name."""
    shares = []
    for part in parts:
        shared = np.zeros(len(part), np.float32)
        for trigram in reading.trigrams:
            shared[part.trigrams.find(trigram)[0]] += 1
        shares.append(2 * shared / (part.trigram_counts + np.float32(len(reading.trigrams) or 1)))
    return np.concatenate(shares)


def _exact(parts: Sequence[Entries], reading: Reading) -> Floats:
    exact = []
    for part in parts:
        found = np.zeros(len(part), np.float32)
        for key in reading.keys:
            rows, weights = part.keys.find(key)
            found[rows] = np.maximum(found[rows], weights / np.float32(FULL))
        exact.append(found)
    return np.concatenate(exact)
