import json
from typing import Any

import pytest

from mooring.imports.entries import Imported, Refused
from mooring.imports.lines import imported


def line(name: str = "@acme/tides", **members: Any) -> bytes:
    return json.dumps({"qualifiedName": name, **members}).encode()


def mapped(**members: Any) -> dict[str, Any]:
    """Return the server that a line with these members becomes."""
    (one,) = imported([line(**members)], "file.jsonl")
    assert isinstance(one, Imported), one
    return one.server


def test_a_line_is_a_server_with_its_words_and_tools() -> None:
    assert mapped(
        displayName="Tides",
        description="Tide tables.",
        homepage="https://example.com",
        owner="acme",
        repo="tides",
        category="Weather, Sea",
        keywords="High water; Low water",
        tools=[{"name": "next_tide", "description": "When it comes."}],
        transport="stdio",
        command="npx -y tides",
        official=True,
        license="MIT",
    ) == {
        "displayName": "Tides",
        "description": "Tide tables.",
        "homepage": "https://example.com",
        "repository": "https://github.com/acme/tides",
        "categories": ["Weather", "Sea"],
        "keywords": ["High water", "Low water"],
        "tools": [{"name": "next_tide", "description": "When it comes."}],
        "source": {"registry": "file.jsonl", "name": "acme/tides"},
    }


def test_the_name_of_a_line_loses_its_leading_at() -> None:
    (one,) = imported([line("@acme/tides")], "file.jsonl")
    assert isinstance(one, Imported)
    assert one.names == ("acme/tides",)


def test_a_file_may_begin_with_a_byte_order_mark() -> None:
    (one,) = imported([b"\xef\xbb\xbf" + line()], "file.jsonl")
    assert isinstance(one, Imported)


def test_hosted_marks_what_runs_elsewhere() -> None:
    assert mapped(hosted=True)["hosted"] is True
    assert "hosted" not in mapped(hosted=False)


def test_no_category_is_none() -> None:
    assert "categories" not in mapped(category="uncategorized")


def test_keywords_are_divided_at_commas_where_there_is_no_semicolon() -> None:
    assert mapped(keywords="sea, tide,sea")["keywords"] == ["sea", "tide"]


def test_a_long_phrase_is_cut_between_words() -> None:
    keywords = mapped(keywords="water " * 30)["keywords"]
    assert all(len(keyword) <= 100 for keyword in keywords)
    assert " ".join(keywords).split() == ["water"] * 30
    assert len(mapped(keywords=";".join(str(number) for number in range(99)))["keywords"]) == 60


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "not JSON; a line is one JSON object"),
        (b"\xff", "not text in UTF-8"),
        (b"[" * 100_000, "not JSON; a line is one JSON object"),
        (b"[]", "it: must be a JSON object"),
        (b"{}", "qualifiedName: is missing"),
        (line("tides"), "qualifiedName must be owner/name"),
        (line(tools=[{}]), "tools.0.name: is missing"),
        (line(hosted="perhaps"), "hosted: "),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_the_next_one_goes_on(bad: bytes, reason: str) -> None:
    first, second = imported([b"\n", bad, line()], "file.jsonl")
    assert isinstance(first, Refused)
    assert first.label == "line 2"
    assert first.reason.startswith(reason)
    assert isinstance(second, Imported)


def test_a_name_counts_once() -> None:
    first, second = imported([line("acme/tides"), line("@Acme/Tides")], "file.jsonl")
    assert isinstance(first, Imported)
    assert second == Refused("line 2: Acme/Tides", "line 1 has this name already")
