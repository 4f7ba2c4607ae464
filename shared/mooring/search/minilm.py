"""all-MiniLM-L6-v2 in numpy, with int8 weights: by setting, for meaning at 10 ms and 70 MB more.

BERT: six layers of attention over at most 256 tokens, the mean of the last layer's vectors, normalised.
The file comes from `make minilm`; weights are dequantised once, those of the word list only as they are used.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mooring.search.arrays import Arrays
from mooring.search.wordpiece import WordPiece

Floats = NDArray[np.float32]

_LAYERS = 6
_HEADS = 12
_MAX_TOKENS = 256
_BATCH_TOKENS = 512
_EPSILON = np.float32(1e-12)


class MiniLM:
    dimensions = 384
    floor = 0.15
    """Cosines up to here say nothing: unrelated texts reach it."""
    close = 0.45
    """Cosine of a text that surely answers a query."""

    def __init__(self, model: Arrays) -> None:
        self.id = str(model.meta["id"])
        words = bytes(model["vocabulary"]).decode().split("\n")
        self._tokens = WordPiece({word: number for number, word in enumerate(words)})
        self._begin, self._end = words.index("[CLS]"), words.index("[SEP]")
        self._model = model
        self._layers = [self._layer(f"layer{number}.") for number in range(_LAYERS)]

    def __contains__(self, word: str) -> bool:
        return word in self._tokens

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one vector of length 1 per text; texts are read together with others of their length."""
        return self.encode_tokens([self._tokens.encode(text) for text in texts])

    def encode_tokens(self, texts: Sequence[list[int]]) -> Floats:
        """Return the vectors of texts that are cut into tokens already, without the marks around them."""
        tokens = [[self._begin, *text[: _MAX_TOKENS - 2], self._end] for text in texts]
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for batch in _batches(tokens):
            vectors[batch] = self._encode_batch([tokens[number] for number in batch])
        return vectors

    def _layer(self, prefix: str) -> dict[str, Floats]:
        names = {name.removeprefix(prefix) for name in self._model.arrays if name.startswith(prefix)}
        return {
            name: self._weights(prefix + name) for name in (name.removesuffix(".scale") for name in names)
        }

    def _weights(self, name: str) -> Floats:
        weights = self._model[name]
        if weights.dtype != np.int8:
            return weights
        dequantised: Floats = weights.astype(np.float32) * self._model[name + ".scale"]
        return dequantised

    def _encode_batch(self, tokens: list[list[int]]) -> Floats:
        longest = max(map(len, tokens))
        numbers = np.zeros((len(tokens), longest), np.int64)
        is_token = np.zeros((len(tokens), longest), np.float32)
        for row, line in enumerate(tokens):
            numbers[row, : len(line)] = line
            is_token[row, : len(line)] = 1
        states = self._embedded(numbers)
        hidden = (1 - is_token)[:, None, None, :] * np.float32(-1e9)
        for layer in self._layers:
            states = _attended(states, hidden, layer)
        summed = (states * is_token[:, :, None]).sum(axis=1)
        pooled: Floats = summed / np.linalg.norm(summed, axis=1, keepdims=True)
        return pooled

    def _embedded(self, numbers: NDArray[np.int64]) -> Floats:
        model = self._model
        words = model["words"][numbers].astype(np.float32) * model["words.scale"][numbers][..., None]
        return _normalised(words + model["places"][: numbers.shape[1]], model["norm"], model["norm.bias"])


def _batches(tokens: list[list[int]]) -> list[list[int]]:
    """Return numbers of texts of about the same length, few enough for the processor's cache."""
    batches: list[list[int]] = []
    for number in sorted(range(len(tokens)), key=lambda number: len(tokens[number])):
        if not batches or (len(batches[-1]) + 1) * len(tokens[number]) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(number)
    return batches


def _attended(states: Floats, hidden: Floats, layer: dict[str, Any]) -> Floats:
    texts, length, width = states.shape
    mixed = (states.reshape(-1, width) @ layer["qkv"] + layer["qkv.bias"]).reshape(
        texts, length, 3, _HEADS, width // _HEADS
    )
    query, key, value = (mixed[:, :, part].transpose(0, 2, 1, 3) for part in range(3))
    weights = query @ key.transpose(0, 1, 3, 2) * np.float32((width // _HEADS) ** -0.5) + hidden
    weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    context = (weights @ value).transpose(0, 2, 1, 3).reshape(-1, width)
    flat = states.reshape(-1, width)
    flat = _normalised(flat + context @ layer["out"] + layer["out.bias"], layer["norm1"], layer["norm1.bias"])
    wide = _gelu(flat @ layer["wide"] + layer["wide.bias"])
    flat = _normalised(
        flat + wide @ layer["narrow"] + layer["narrow.bias"], layer["norm2"], layer["norm2.bias"]
    )
    return flat.reshape(texts, length, width)


def _normalised(states: Floats, scale: Floats, bias: Floats) -> Floats:
    centred = states - states.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    normalised: Floats = centred / np.sqrt(variance + _EPSILON) * scale + bias
    return normalised


def _gelu(states: Floats) -> Floats:
    """x * Phi(x); the error function by Abramowitz and Stegun 7.1.26, to 1.5e-7."""
    scaled = np.abs(states) * np.float32(0.7071067811865476)
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    series = t * (
        0.254829592
        + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429))))
    )
    erf = np.copysign(1 - series * np.exp(-scaled * scaled), states)
    gelu: Floats = states * (1 + erf) * np.float32(0.5)
    return gelu
