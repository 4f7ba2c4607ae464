"""One kind of thing that is found, servers or tools: what a segment keeps about each to find it by."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mooring.search import postings, vectors
from mooring.search.arrays import Array, Arrays
from mooring.search.encoder import Encoder
from mooring.search.postings import Postings
from mooring.search.vectors import Vectors
from mooring.search.words import compact, fold, name_words, stem, words

_SATURATION = 1.2  # k1 of BM25
_GENERIC = ("mcp", "server")


@dataclass(frozen=True, slots=True)
class Field:
    """How much a word counts that stands in one part of an entry, and what length of the part is usual."""

    weight: float
    words: float
    longer_is_less: float = 0.75
    """b of BM25."""


NAME = Field(8.0, 4, 0.5)
IDENTIFIER = Field(5.0, 4, 0.5)
DESCRIPTION = Field(2.0, 25)
KEYWORDS = Field(2.5, 12)
TOOLS = Field(1.0, 60)


@dataclass(frozen=True, slots=True)
class Entry:
    names: tuple[str, ...]
    """What asks for exactly this entry; the first is its proper name."""
    named: tuple[tuple[Field, str], ...]
    """Parts made of names and identifiers."""
    told: tuple[tuple[Field, str], ...]
    """Parts made of sentences."""
    meaning: str
    """What the encoder reads."""
    payload: bytes


class Entries:
    """A view of what `pack` wrote."""

    def __init__(self, arrays: Arrays, prefix: str) -> None:
        self.words = Postings(arrays, prefix + ".words")
        self.trigrams = Postings(arrays, prefix + ".trigrams")
        self.keys = Postings(arrays, prefix + ".keys")
        self.vectors = Vectors(arrays, prefix)
        self.trigram_counts: NDArray[np.uint16] = arrays[prefix + ".trigram_counts"]
        self._payloads = arrays[prefix + ".payloads"]
        self._payload_ends = arrays[prefix + ".payload_ends"]

    def __len__(self) -> int:
        return len(self._payload_ends)

    def payload(self, row: int) -> bytes:
        begin = int(self._payload_ends[row - 1]) if row else 0
        return zlib.decompress(self._payloads[begin : int(self._payload_ends[row])].tobytes())


def pack(entries: Sequence[Entry], encoder: Encoder, prefix: str) -> dict[str, Array]:
    trigrams = [trigrams_of(bare(entry.names[0])) for entry in entries]
    return {
        **postings.pack((_weights(entry) for entry in entries), prefix + ".words"),
        **postings.pack((dict.fromkeys(each, 1.0) for each in trigrams), prefix + ".trigrams"),
        **postings.pack((_keys(entry.names) for entry in entries), prefix + ".keys"),
        **vectors.pack(encoder.encode([entry.meaning for entry in entries]), prefix),
        prefix + ".trigram_counts": np.array([len(each) for each in trigrams], np.uint16),
        **_pack_payloads([zlib.compress(entry.payload, 6) for entry in entries], prefix),
    }


def merge(parts: Sequence[tuple[Arrays, NDArray[np.int64]]], count: int, prefix: str) -> dict[str, Array]:
    """Return the arrays of `count` entries out of several parts.

    Each part comes with the new numbers of its rows, -1 for one to leave out.
    """
    merged = vectors.merge(parts, count, prefix)
    for name in (".words", ".trigrams", ".keys"):
        lists = [(Postings(arrays, prefix + name), places) for arrays, places in parts]
        merged |= postings.merge(lists, prefix + name)
    counts = np.zeros(count, np.uint16)
    payloads = [b""] * count
    for arrays, places in parts:
        counts[places[places >= 0]] = arrays[prefix + ".trigram_counts"][places >= 0]
        begin, data = 0, arrays[prefix + ".payloads"]
        for place, end in zip(places.tolist(), arrays[prefix + ".payload_ends"].tolist(), strict=True):
            if place >= 0:
                payloads[place] = data[begin:end].tobytes()
            begin = end
    return {**merged, prefix + ".trigram_counts": counts, **_pack_payloads(payloads, prefix)}


def bare(name: str) -> str:
    """Return the letters and digits of a name, without the words that half of all names have."""
    parts = [word for word in words(name) if word not in _GENERIC]
    return "".join(parts) or compact(name)


def trigrams_of(name: str) -> set[str]:
    """Return each three neighbouring characters of a bare name, its ends included."""
    padded = f"^{name}$"
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def _keys(names: Iterable[str]) -> Mapping[str, float]:
    """Return what the exact names look like to a query: written alike 1, without the generic words less."""
    keys: dict[str, float] = {}
    for name in names:
        keys.setdefault(bare(name), 0.7)
    for name in names:
        keys[compact(name)] = 1.0
    keys.pop("", None)
    return keys


def _weights(entry: Entry) -> Mapping[str, float]:
    """BM25F: what a word counts in all parts together, saturated once."""
    mass: defaultdict[str, float] = defaultdict(float)
    for parts, cut in ((entry.named, name_words), (entry.told, words)):
        for field, text in parts:
            found = [stem(word) for word in cut(text)]
            shrink = 1 - field.longer_is_less + field.longer_is_less * len(found) / field.words
            for word, count in Counter(found).items():
                mass[word] += field.weight * count / shrink
    return {word: each / (_SATURATION + each) for word, each in mass.items()}


def spoken(entry: Entry) -> set[str]:
    """Return the words of an entry as they are written, for the spelling of queries."""
    return {fold(word) for _, text in (*entry.named, *entry.told) for word in words(text)}


def _pack_payloads(payloads: Sequence[bytes], prefix: str) -> dict[str, Array]:
    return {
        prefix + ".payloads": np.frombuffer(b"".join(payloads), np.uint8),
        prefix + ".payload_ends": np.cumsum([len(each) for each in payloads], dtype=np.int64),
    }
