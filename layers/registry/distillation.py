"""Teaches a table of vectors, one per piece of a word, to add up to what MiniLM says of a text.

There is no training text: MiniLM is asked about its own words, thrown together at random. What it makes of
them tells how much each one bears on a text's meaning, which its vector of the word alone does not.
"""

import random
from collections.abc import Callable, Iterator
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from quantisation import quantised

from mooring.search import arrays
from mooring.search.minilm import MiniLM
from mooring.search.wordpiece import WordPiece
from mooring.search.words import STOP_WORDS

Floats = NDArray[np.float32]

DIMENSIONS = 256
TEXTS = 65_000
"""Twice as many are a few thousandths better in nDCG@10, and take twice the twenty minutes."""
LENGTHS = (1, 2, 2, 3, 3, 4, 5, 6, 8, 10)
FIRST_WORD = 1_996
"""What comes before it in BERT's vocabulary are marks and single signs; from there on it is by frequency."""
GLUED = 0.08
"""Share of words that get a piece behind them, as words have that are not in the vocabulary."""
EPOCHS = 12
BATCH = 512
RATE = 0.00125


def static_table(model: MiniLM, vocabulary: list[str]) -> bytes:
    """Return the file of the table."""
    texts = list(some_texts(vocabulary))
    taught, project = reduced(np.concatenate([model.encode(each) for each in chunks(texts)]))
    alone = np.concatenate(
        [model.encode_tokens(each) for each in chunks([[n] for n in range(len(vocabulary))])]
    )
    pieces = WordPiece({word: number for number, word in enumerate(vocabulary)}, STOP_WORDS)
    table = trained(start(project(alone)), [pieces.encode(text) for text in texts], taught)
    quantised_table, scale = quantised(table, axis=1)
    return arrays.pack(
        {"id": "static-minilm-256-2", "license": "Apache-2.0; changed: distilled into a table, int8"},
        {
            "vocabulary": np.frombuffer("\n".join(vocabulary).encode(), np.uint8),
            "table": quantised_table,
            "scale": scale,
        },
    )


def some_texts(vocabulary: list[str]) -> Iterator[str]:
    """Give texts of frequent and rare words, the frequent ones a little more often."""
    chance = random.Random(7)
    known = [word for word in vocabulary[FIRST_WORD:] if word.isascii()]
    words = [word for word in known if word.isalpha() and len(word) > 2]
    endings = [word[2:] for word in known if word.startswith("##") and word[2:].isalpha() and len(word) > 4]
    weights = list(accumulate((rank + 50) ** -0.35 for rank in range(len(words))))

    def word() -> str:
        (chosen,) = chance.choices(words, cum_weights=weights)
        return chosen + chance.choice(endings) if chance.random() < GLUED else chosen

    for _ in range(TEXTS):
        yield " ".join(word() for _ in range(chance.choice(LENGTHS)))


def reduced(vectors: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Return the vectors in their main directions, of length 1, and what does the same without the length."""
    mean = vectors.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
    main = directions[:, ::-1][:, :DIMENSIONS].astype(np.float32)
    turned = (vectors - mean) @ main
    return turned / np.linalg.norm(turned, axis=1, keepdims=True), lambda others: (others - mean) @ main


def start(alone: Floats) -> Floats:
    """Return each piece's own vector, short where the piece is frequent: by Zipf's law its rank tells."""
    ranks = np.maximum(1, np.arange(1, len(alone) + 1) - FIRST_WORD)
    frequency = 1 / (ranks * np.log(len(alone)))
    weighted: Floats = (alone * (1e-3 / (1e-3 + frequency))[:, None]).astype(np.float32)
    return weighted


def trained(table: Floats, texts: list[list[int]], taught: Floats) -> Floats:
    """Turn the sums of pieces towards what was taught, by Adam on the cosine."""
    chance = np.random.default_rng(0)
    kept = np.array([row for row, text in enumerate(texts) if text])
    momentum, speed = np.zeros_like(table), np.zeros(len(table), np.float32)
    steps = EPOCHS * -(-len(kept) // BATCH)
    done = 0
    for _ in range(EPOCHS):
        for rows in chunks(chance.permutation(kept)):
            pieces, gradient = gradients(table, [texts[row] for row in rows], taught[rows])
            momentum[pieces] = 0.9 * momentum[pieces] + 0.1 * gradient
            speed[pieces] = 0.99 * speed[pieces] + 0.01 * np.square(gradient).mean(axis=1)
            done += 1
            rate = RATE * (1 - done / steps)
            table[pieces] -= rate * momentum[pieces] / (np.sqrt(speed[pieces])[:, None] + np.float32(1e-8))
    return table


def gradients(table: Floats, texts: list[list[int]], taught: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the pieces of some texts, and how the cosine's loss changes with the vector of each."""
    lengths = [len(text) for text in texts]
    numbers = np.fromiter(chain.from_iterable(texts), np.int64)
    sums = np.add.reduceat(table[numbers], np.cumsum([0, *lengths[:-1]]), axis=0)
    norms = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-6)
    cosines = (sums / norms * taught).sum(axis=1, keepdims=True)
    of_texts = (cosines * sums / norms - taught) / norms
    order = np.argsort(numbers, kind="stable")
    pieces, begins = np.unique(numbers[order], return_index=True)
    return pieces, np.add.reduceat(np.repeat(of_texts, lengths, axis=0)[order], begins, axis=0)


def chunks(items: Any) -> Iterator[Any]:
    """Give a list or an array in slices of a batch."""
    return (items[begin : begin + BATCH] for begin in range(0, len(items), BATCH))
