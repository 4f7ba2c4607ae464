from collections import Counter

import pytest

from mooring.search import spelling
from mooring.search.arrays import Arrays
from mooring.search.spelling import Spelling, is_checked

WORDS = Counter(
    {"kubernetes": 40, "calendar": 30, "slack": 20, "black": 1, "notion": 9, "motion": 9, "e2b": 3}
)
SPELLING = Spelling(Arrays({}, spelling.pack(WORDS)))


def best(word: str) -> str:
    return max(SPELLING.nearest(word), key=lambda near: near[1], default=("", 0, 0))[0]


@pytest.mark.parametrize(
    ("slip", "word"),
    [
        ("kuberentes", "kubernetes"),
        ("kubernets", "kubernetes"),
        ("kubbernettes", "kubernetes"),
        ("calender", "calendar"),
        ("slak", "slack"),
        ("notoin", "notion"),
    ],
)
def test_letters_added_dropped_replaced_and_swapped_are_slips(slip: str, word: str) -> None:
    assert best(slip) == word


@pytest.mark.parametrize("word", ["slaves", "cabernet", "zzzz", "slk", "sla"])
def test_more_than_a_slip_is_another_word(word: str) -> None:
    assert best(word) == ""


def test_the_first_letter_is_the_least_likely_to_be_wrong() -> None:
    assert best("nmotion") == "notion"
    assert best("mnotion") == "motion"
    assert best("notoon") == best("nottion") == "notion"


def test_it_knows_how_many_servers_have_a_word() -> None:
    assert (SPELLING.count("slack"), SPELLING.count("slak")) == (20, 0)


@pytest.mark.parametrize("word", ["neo4j", "aws", "naïve", "c++"])
def test_short_words_and_those_with_other_signs_are_not_checked(word: str) -> None:
    assert not is_checked(word)


def test_counts_of_segments_add_up() -> None:
    parts = [Arrays({}, spelling.pack(Counter({"slack": 2, "tides": 1}))), Arrays({}, spelling.pack(WORDS))]
    merged = Spelling(Arrays({}, spelling.merge(parts)))
    assert (merged.count("slack"), merged.count("tides"), merged.count("black")) == (22, 1, 1)
