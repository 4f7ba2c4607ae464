"""Cuts text into words, as the index and queries both do it (no I/O)."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts that put no space between words: Chinese, Japanese, Korean, Thai.
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\uac00-\ud7af"
    "\u0e00-\u0e7f\U00020000-\U0002fa1f]+"
)
STOP_WORDS = frozenset(
    """
    a an and any are as at be been but by can could do does for from get give has have help how i if in into
    is it its let like me my need of on or our out please s so some t that the their them then there these
    they this to up us use using want was we what when where which who will with would you your
    mcp server servers
    """.split()  # noqa: SIM905  # as a list it would be hard to read
)


def fold(text: str) -> str:
    """Return `text` in one form: compatibility forms resolved, lower case, no accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def words(text: str) -> list[str]:
    """Return the words of `text`, folded; of scripts without spaces, each two neighbouring characters."""
    folded = fold(text)
    found: list[str] = _WORD.findall(folded)
    if folded.isascii():
        return found
    return [part for word in found for part in _parts(word)]


def _parts(word: str) -> list[str]:
    if not _UNSPACED.search(word):
        return [word]
    parts: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        parts += [word[at : run.start()]] if run.start() > at else []
        text = run[0]
        parts += [text[place : place + 2] for place in range(len(text) - 1)] or [text]
        at = run.end()
    return [*parts, word[at:]] if at < len(word) else parts


def name_words(name: str) -> list[str]:
    """Return the words of a name or identifier: whole, at its signs, and at its humps.

    `DesktopCommander-mcp` has `desktopcommander`, `desktop`, `commander`, `mcp` and `desktopcommandermcp`.
    """
    found: list[str] = []
    wholes = [part for part in re.split(r"[\W_]+", name) if part]
    for whole in wholes:
        humps = _HUMP.sub(" ", whole).split()
        found += words(whole)
        if len(humps) > 1:
            found += words(" ".join(humps))
    if len(wholes) > 1:
        found += words("".join(wholes))
    return found


def compact(text: str) -> str:
    """Return what two ways to write a name share: its letters and digits."""
    return "".join(_WORD.findall(fold(text)))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return `word` without the endings of English nouns and verbs; two words may share it wrongly.

    Porter's steps 1a, 1b and a little of the others: enough for plurals, -ing, -ed and -ation.
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and _has_vowel(word[: -len(ending)]) and len(word) - len(ending) >= 3:
            return _mended(word[: -len(ending)])
    return word[:-1] if len(word) > 4 and word[-1] == "e" else word[:-1] + "i" if _ends_in_y(word) else word


def _singular(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _mended(stemmed: str) -> str:
    """Undo the doubled consonant of `running`; the mute e of `making` is taken off everywhere."""
    if stemmed[-1] == stemmed[-2] and stemmed[-1] not in "aeiouslz":
        return stemmed[:-1]
    return stemmed[:-1] + "i" if _ends_in_y(stemmed) else stemmed


def _ends_in_y(word: str) -> bool:
    return len(word) > 3 and word[-1] == "y" and word[-2] not in "aeiou"


def _has_vowel(text: str) -> bool:
    return any(character in "aeiouy" for character in text)
