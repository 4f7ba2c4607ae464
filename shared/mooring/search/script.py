"""How texts of any script are folded and cut into words for the lexicon (no I/O).

The words of `words.py` are those of the index. These keep characters of scripts without spaces together, fold
more letters into one, and keep the vowels of Hindi.
"""

import re
import unicodedata

_HAN = "\u3005\u3040-\u30ff\u3400-\u9fff"
_HANGUL = "\uac00-\ud7af"
# Signs that belong to a word of Hindi are no letters to `re`.
WORD = re.compile(rf"[{_HAN}]+|[{_HANGUL}]+|(?:(?![{_HAN}{_HANGUL}])[^\W_]|[\u0900-\u0963\u0971-\u097f])+")
_ACCENTS = re.compile("[\u0300-\u036f\u0640\u064b-\u065f\u0670]")
_LETTERS = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "\u0649": "\u064a",
        "\u0629": "\u0647",
    }
)
_LANGUAGES = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile(f"[{_HANGUL}]"),
    "zh": re.compile(f"[{_HAN}]"),
    "uk": re.compile("[\u0454\u0456]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
"""Languages by the first of these signs that a folded text has; `zh` and `ru` may prove to be relatives."""
_SIGNS = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "pl": "łąężśźń",
    "tr": "ığş",
    "vi": "ơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    "sv": "å",
    "cs": "řěů",
}


def fold(text: str) -> str:
    """Return `text` in one form: lower case, no accents, letters that look alike as one."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).translate(_LETTERS)


def language_of(words: list[str]) -> str:
    """Return the language that the script of folded words tells; empty if it is Latin, or none of ours."""
    return next((language for language, sign in _LANGUAGES.items() if any(map(sign.search, words))), "")


def accents(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the folded words of a Latin text that had accents, and the languages that alone have such."""
    if text.isascii():
        return frozenset(), frozenset()
    written = unicodedata.normalize("NFC", text).casefold()
    accented = frozenset(fold(word) for word in WORD.findall(written) if not word.isascii())
    return accented, frozenset(
        language for language, signs in _SIGNS.items() if any(map(written.count, signs))
    )
