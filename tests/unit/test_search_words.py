import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.search.words import compact, name_words, stem, words


def test_words_are_folded_and_parted_at_every_sign() -> None:
    assert words("Café_au-lait, ﬁne: C3PO!") == ["cafe", "au", "lait", "fine", "c3po"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("查询火车票", ["查询", "询火", "火车", "车票"]),
        ("天気API予報", ["天気", "api", "予報"]),
        ("票", ["票"]),
    ],
)
def test_scripts_without_spaces_come_in_pairs_of_characters(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_name_has_its_parts_its_humps_and_itself() -> None:
    assert set(name_words("DesktopCommander-MCP")) == {
        *("desktop", "commander", "desktopcommander", "mcp"),
        "desktopcommandermcp",
    }


def test_a_run_of_capitals_ends_before_the_next_word() -> None:
    assert {"csv", "data"} <= set(name_words("CSVData"))


@pytest.mark.parametrize(
    "forms",
    [
        ("email", "emails"),
        ("query", "queries", "querying"),
        ("manage", "manages", "managed", "managing"),
        ("run", "running", "runs"),
        ("class", "classes"),
        ("scrape", "scraping", "scraped"),
    ],
)
def test_forms_of_a_word_share_its_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["aws", "dns", "redis", "status", "neo4j", "überall", "sing", "bed"])
def test_what_only_looks_like_an_ending_stays(word: str) -> None:
    assert stem(word) == word


def test_two_ways_to_write_a_name_are_one() -> None:
    assert compact("@Acme/Brave-Search") == compact("acme brave_search") == "acmebravesearch"


@given(st.text())
def test_every_text_has_words_without_space_or_capital(text: str) -> None:
    for word in [*words(text), *name_words(text)]:
        assert word and not any(character.isspace() for character in word)
        assert stem(word)
