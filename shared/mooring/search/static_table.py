"""The default encoder: a table of vectors, one per piece of a word, summed over the text.

Made from MiniLM (`layers/registry/build_models.py`): no context, no order of words, but 20 µs per text.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mooring.search.arrays import Arrays
from mooring.search.wordpiece import WordPiece
from mooring.search.words import STOP_WORDS

Floats = NDArray[np.float32]

_MAX_TOKENS = 512
_BATCH = 256


class StaticTable:
    floor = 0.1
    """Cosines up to here say nothing: unrelated texts reach it."""
    close = 0.45
    """Cosine of a text that surely answers a query."""

    def __init__(self, model: Arrays) -> None:
        self.id = str(model.meta["id"])
        words = bytes(model["vocabulary"]).decode().split("\n")
        # A sum has no grammar to put them to use.
        self._tokens = WordPiece({word: number for number, word in enumerate(words)}, STOP_WORDS)
        self._table = model["table"]
        self._scale = model["scale"]
        self.dimensions = self._table.shape[1]

    def __contains__(self, word: str) -> bool:
        return word in self._tokens

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one vector of length 1 per text; a text without any word has the vector 0."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), _BATCH):
            tokens = [self._tokens.encode(text)[:_MAX_TOKENS] for text in texts[start : start + _BATCH]]
            rows = [row for row, line in enumerate(tokens) if line]
            if not rows:
                continue
            numbers = np.fromiter(chain.from_iterable(tokens), np.int64)
            begins = np.cumsum([0, *(len(tokens[row]) for row in rows[:-1])])
            words = self._table[numbers] * self._scale[numbers][:, None]
            vectors[[start + row for row in rows]] = np.add.reduceat(words, begins, axis=0)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: Floats = vectors / np.maximum(lengths, np.float32(1e-9))
        return normalised
