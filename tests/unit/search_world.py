"""Documents and an encoder for the tests of the search index."""

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mooring.search.document import Document, Tool
from mooring.search.index import Index
from mooring.search.query import parse
from mooring.search.words import stem, words


class BagOfWords:
    """Texts are near each other when they share words; counts what it encodes."""

    id = "bag-of-words"
    dimensions = 128
    floor = 0.1
    close = 0.6

    def __init__(self) -> None:
        self.encoded = 0

    def __contains__(self, word: str) -> bool:
        return False

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += len(texts)
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row] += _direction(stem(word))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: NDArray[np.float32] = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
        return normalised


class Mute(BagOfWords):
    """Knows no meaning, so that words and names are all there is to go by."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), self.dimensions), np.float32)


@cache
def _direction(word: str) -> NDArray[np.float32]:
    drawn = np.random.default_rng(zlib.crc32(word.encode())).normal(size=BagOfWords.dimensions)
    return drawn.astype(np.float32)


def document(name: str, description: str = "", *, tools: Sequence[Tool] = (), **about: Any) -> Document:
    last_name = name.rpartition("/")[2]
    return Document(
        **{
            "name": name.lower(),
            "qualified_name": name,
            "display_name": last_name,
            "description": description,
            "namespace": name.lower().partition("/")[0],
            "tools": tuple(tools),
            "card": {"qualifiedName": name, "description": description},
            **about,
        }
    )


def index_of(*documents: Document) -> Index:
    return Index.build(documents, BagOfWords())


def index_of_words(*documents: Document) -> Index:
    return Index.build(documents, Mute())


def found(index: Index, q: str, offset: int = 0, limit: int = 50) -> list[str]:
    return [hit.name for hit in index.search(parse(q), offset, limit).hits]
