"""What turns texts into vectors that are near each other when their meanings are."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EncoderUnavailable(Exception):
    """The encoder gave no vectors: queries are answered by words, and nothing is indexed."""


class Encoder(Protocol):
    @property
    def id(self) -> str:
        """Changes whenever the same text would get another vector."""

    @property
    def dimensions(self) -> int:
        """A multiple of 64."""

    @property
    def floor(self) -> float:
        """Cosines up to here say nothing: unrelated texts reach it."""

    @property
    def close(self) -> float:
        """Cosine of a text that surely answers a query."""

    def __contains__(self, word: str) -> bool:
        """Whether it knows a lower-case word, which is then no mistake in spelling."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 per text, 0 for a text that says nothing.

        Raises:
            EncoderUnavailable: there is none to be had now.
        """
