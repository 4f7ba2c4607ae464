"""Which words of an entry a query asked for, so that a reader sees why it was found."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mooring.search.postings import Rows
from mooring.search.reading import Term
from mooring.search.words import stem, words

_MAX_CHARACTERS = 2_000
"""Of a text that is looked through; a reader sees less."""
_SHOWN = ("qualifiedName", "displayName", "name", "description")
"""What of a card readers see; to look through all of it would take as long as the search itself."""


def asked_for(terms: Sequence[Term], held: Sequence[Rows], rows: NDArray[np.intp]) -> list[dict[str, str]]:
    """Return the words of the query that each of `rows` has, by their stems; `held` are each term's rows."""
    asked: list[dict[str, str]] = [{} for _ in rows]
    for term, having in zip(terms, held, strict=True):
        if len(having):
            places = np.minimum(having.searchsorted(rows), len(having) - 1)
            for at in np.flatnonzero(having[places] == rows).tolist():
                asked[at][term.stem] = term.word
    return asked


def marked(asked: dict[str, str], card: dict[str, Any]) -> tuple[str, ...]:
    """Return those words as the shown texts of `card` have them, then those that stand elsewhere as asked."""
    if not asked:
        return ()
    shown = (card.get(name) for name in _SHOWN)
    text = "\n".join(each[:_MAX_CHARACTERS] for each in shown if isinstance(each, str))
    written = {word: root for word in dict.fromkeys(words(text)) if (root := stem(word)) in asked}
    found = set(written.values())
    return (*written, *(word for root, word in asked.items() if root not in found))
