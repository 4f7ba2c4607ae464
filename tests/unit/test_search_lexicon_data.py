"""The form of the data that the lexicon reads."""

import re
from pathlib import Path

import pytest

from mooring.search import lexicon, polyglot, script

DATA = Path(lexicon.__file__).parent
LINES = [
    line
    for line in (DATA / "lexicon.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
HEADER, *ROWS = (line.split("|") for line in LINES)
WORD_LISTS = dict(
    line.split(": ", 1)
    for line in (DATA / "lexicon_words.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
# Also digits, signs and words in Latin letters: `3d建模`, `qr-код`.
SCRIPTS = {
    "zh": "\u3400-\u9fff",
    "ja": "\u3040-\u30ff\u3400-\u9fff\u3005",
    "ko": "\uac00-\ud7af",
    "ru": "\u0400-\u04ff",
    "uk": "\u0400-\u04ff",
    "ar": "\u0600-\u06ff",
    "hi": "\u0900-\u097f",
}
LATIN_LETTERS = "\u00c0-\u024f\u1e00-\u1eff"


def cells(column: str) -> list[tuple[str, list[str]]]:
    """Return concept and terms of each row that has any in a column."""
    place = HEADER.index(column)
    return [(row[0], row[place].split(",")) for row in ROWS if len(row) > place and row[place]]


def test_there_is_a_column_for_each_language() -> None:
    assert HEADER[:2] == ["english", "also"]
    assert sorted(HEADER[2:]) == sorted(polyglot.LANGUAGES)


def test_no_row_has_more_cells_than_the_header_or_ends_with_an_empty_one() -> None:
    assert [row[0] for row in ROWS if len(row) > len(HEADER) or (len(row) > 1 and not row[-1])] == []


def test_no_concept_is_there_twice() -> None:
    names = [row[0].partition(";")[0] for row in ROWS]
    assert len(names) > 600
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_each_concept_has_a_name_of_words_that_count() -> None:
    stop_words = WORD_LISTS["stop en"].split()
    nameless = [
        row[0]
        for row in ROWS
        if not [word for word in script.WORD.findall(row[0].partition(";")[0]) if word not in stop_words]
    ]
    assert nameless == []


@pytest.mark.parametrize("column", HEADER[1:])
def test_no_term_is_empty_or_twice_in_its_cell(column: str) -> None:
    wrong = [
        concept
        for concept, terms in cells(column)
        if len(set(terms)) != len(terms) or any(term.strip() != term or not term for term in terms)
    ]
    assert wrong == []


@pytest.mark.parametrize("column", HEADER[2:])
def test_terms_are_written_in_the_script_of_their_language(column: str) -> None:
    """A cell in the wrong column is found by it."""
    allowed = re.compile(rf"[ -~{SCRIPTS.get(column, LATIN_LETTERS)}]+")
    assert [
        (concept, term) for concept, terms in cells(column) for term in terms if not allowed.fullmatch(term)
    ] == []


@pytest.mark.parametrize("column", ["zh", "ja", "ko", "de", "fr", "es", "pt", "it", "ru"])
def test_the_great_languages_have_most_concepts(column: str) -> None:
    assert len(cells(column)) > 380


@pytest.mark.parametrize("column", ["uk", "pl", "nl", "tr", "ar", "hi", "vi", "id", "sv", "cs"])
def test_the_other_languages_have_the_important_concepts(column: str) -> None:
    assert len(cells(column)) > 300


def test_weights_of_english_phrases_are_shares() -> None:
    written = [term for _, terms in cells("also") for term in terms if "=" in term]
    assert written
    assert [term for term in written if not re.fullmatch(r"[a-z0-9' /.-]+=(0\.[1-9]|1)", term)] == []


@pytest.mark.parametrize("column", polyglot.LATIN)
def test_no_term_is_the_english_name_of_another_concept(column: str) -> None:
    """`gift` of German would find presents; words that do mean two things are named here."""
    names = {row[0].partition(";")[0] for row in ROWS}
    own = {(concept.partition(";")[0], term) for concept, terms in cells(column) for term in terms}
    meant = {term for concept, term in own if concept == term}
    mistaken = {(c, t) for c, t in own if t in names and t not in meant and (c, t) not in SAME_WORD}
    assert mistaken == set()


SAME_WORD = {("team", "time")}


def test_chinese_characters_come_in_pairs_and_none_is_on_both_sides() -> None:
    han = WORD_LISTS["han"]
    assert len(han) % 2 == 0
    assert len(set(han[::2])) == len(han) // 2
    assert set(han[::2]) & set(han[1::2]) == set()


def test_each_language_has_words_that_say_nothing() -> None:
    assert [language for language in polyglot.LANGUAGES if f"stop {language}" not in WORD_LISTS] == []


def test_the_data_stays_small() -> None:
    assert sum((DATA / name).stat().st_size for name in ("lexicon.txt", "lexicon_words.txt")) < 400_000
