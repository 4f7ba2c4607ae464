"""BERT's tokens, lower-cased: what MiniLM and the table made from it read.

The same pieces as the reference tokeniser gives, as far as the model reads them.
"""

import unicodedata
from collections.abc import Collection, Mapping

_MAX_WORD_CHARACTERS = 100
_KNOWN_WORDS = 20_000

CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """`vocabulary` gives each piece its number; a piece within a word begins with `##`.

    Words that are `silent` have no pieces.
    """

    def __init__(self, vocabulary: Mapping[str, int], silent: Collection[str] = ()) -> None:
        self._vocabulary = vocabulary
        self._silent = silent
        self._unknown = vocabulary["[UNK]"]
        self._pieces: dict[str, list[int]] = {}
        """By word: texts repeat their words, and cutting one is slow."""

    def __contains__(self, word: str) -> bool:
        """Whether the whole word is one piece."""
        return word in self._vocabulary

    def encode(self, text: str) -> list[int]:
        """Return the numbers of the pieces of `text`, without the marks of beginning and end."""
        numbers: list[int] = []
        for word in _words(text):
            pieces = self._pieces.get(word)
            if pieces is None:
                if len(self._pieces) >= _KNOWN_WORDS:
                    self._pieces.clear()
                pieces = self._pieces[word] = self._cut(word)
            numbers += pieces
        return numbers

    def _cut(self, word: str) -> list[int]:
        """Take the longest piece from the left, again and again; a word that leaves a rest is unknown."""
        if word in self._silent:
            return []
        if len(word) > _MAX_WORD_CHARACTERS:
            return [self._unknown]
        pieces = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                if piece in self._vocabulary:
                    pieces.append(self._vocabulary[piece])
                    start = end
                    break
            else:
                return [self._unknown]
        return pieces


def _words(text: str) -> list[str]:
    """Return the words of `text`, lower case, without accents; each sign of its own is a word too."""
    if text.isascii() and text.isprintable():  # as nearly all of it is: nothing to fold
        folded = text.lower()
    else:
        lowered = unicodedata.normalize("NFD", _spaced(text).lower())
        folded = "".join(character for character in lowered if unicodedata.category(character) != "Mn")
    words: list[str] = []
    for part in folded.split():
        if part.isalnum():
            words.append(part)
            continue
        start = 0
        for at, character in enumerate(part):
            if _is_punctuation(character):
                if at > start:
                    words.append(part[start:at])
                words.append(character)
                start = at + 1
        if start < len(part):
            words.append(part[start:])
    return words


def _spaced(text: str) -> str:
    """Return `text` without control characters, and Chinese characters apart."""
    characters = []
    for character in text:
        if is_cjk(character):
            characters.append(f" {character} ")
        elif character in "\t\n\r" or unicodedata.category(character) == "Zs":
            characters.append(" ")
        elif unicodedata.category(character)[0] != "C" and character != "\ufffd":
            characters.append(character)
    return "".join(characters)


def is_cjk(character: str) -> bool:
    """Return whether it is a Chinese character, which Japanese uses too."""
    point = ord(character)
    return point >= 0x3400 and any(first <= point <= last for first, last in CJK)


def _is_punctuation(character: str) -> bool:
    if character.isalnum():
        return False
    return "!" <= character <= "~" or unicodedata.category(character)[0] == "P"
