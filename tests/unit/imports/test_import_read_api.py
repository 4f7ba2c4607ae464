import json
from urllib.parse import parse_qs

import pytest

from mooring.errors import InvalidRequest
from mooring.imports.read_api import Page, Position, page, pages, registry

NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z
BEFORE = "2026-05-28T20:16:40Z"  # ten minutes


def answer(next_cursor: str = "", *entries: object) -> bytes:
    return json.dumps({"servers": entries, "metadata": {"nextCursor": next_cursor}}).encode()


class Registry:
    """Answers with pages in their order and keeps what it was asked."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self._answers = iter(answers)
        self.asked: list[dict[str, str]] = []

    def __call__(self, query: str) -> bytes:
        self.asked.append({name: values[0] for name, values in parse_qs(query).items()})
        found = next(self._answers)
        if isinstance(found, Exception):
            raise found
        return found


def test_a_first_run_asks_for_the_latest_version_of_everything_page_by_page() -> None:
    there = Registry(answer("two", 1), answer("three", 2), answer("", 3))
    read = [found.entries for found, _ in pages(there, Position(), NOW)]
    assert read == [[1], [2], [3]]
    assert there.asked == [
        {"version": "latest", "limit": "100"},
        {"version": "latest", "limit": "100", "cursor": "two"},
        {"version": "latest", "limit": "100", "cursor": "three"},
    ]


def test_the_next_run_asks_for_what_has_changed_since_the_one_before_began() -> None:
    """Ten minutes earlier: their clock is not ours."""
    *_, (_, after) = pages(Registry(answer("two"), answer()), Position(), NOW)
    assert after == Position(since=BEFORE)
    there = Registry(answer())
    list(pages(there, after, NOW + 3600))
    assert there.asked[0]["updated_since"] == BEFORE
    assert there.asked[0]["include_deleted"] == "true"


def test_an_interrupted_run_goes_on_with_the_page_that_was_next() -> None:
    _, after = next(pages(Registry(answer("two")), Position(), NOW))
    there = Registry(answer())
    *_, (_, end) = pages(there, Position.from_json(after.as_json()), NOW + 9000)
    assert there.asked == [{"version": "latest", "limit": "100", "cursor": "two"}]
    assert end == Position(since=BEFORE)  # since it began, not since it was resumed


def test_a_cursor_that_is_not_known_any_more_starts_the_run_again() -> None:
    there = Registry(InvalidRequest("no such cursor"), answer("two"), answer())
    *_, (_, end) = pages(there, Position(cursor="old", began_at=BEFORE), NOW)
    assert [asked.get("cursor") for asked in there.asked] == ["old", None, "two"]
    assert end == Position(since=BEFORE)


@pytest.mark.parametrize("start", [Position(), Position(cursor="one", began_at=BEFORE)])
def test_a_refusal_within_a_run_is_told(start: Position) -> None:
    with pytest.raises(InvalidRequest, match="no"):
        list(pages(Registry(answer("two"), InvalidRequest("no"), answer()), start, NOW))


def test_a_cursor_that_stays_the_same_ends_the_run() -> None:
    with pytest.raises(InvalidRequest, match="nextCursor"):
        list(pages(Registry(*[answer("two")] * 9), Position(), NOW))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"servers": {}}', b"[" * 100_000])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="address of its API"):
        page(body)


@pytest.mark.parametrize("metadata", ["null", "{}", '{"nextCursor": null}', '{"nextCursor": 7}'])
def test_a_page_without_a_cursor_is_the_last_one(metadata: str) -> None:
    assert page(f'{{"servers": [], "metadata": {metadata}}}'.encode()) == Page([], "")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"unknown": "x"}'])
def test_what_is_no_position_is_the_beginning(text: str) -> None:
    assert Position.from_json(text) == Position()


@pytest.mark.parametrize("path", ["", "/", "/v0.1", "/v0.1/", "/v0.1/servers", "/v0/servers"])
def test_an_address_is_the_registrys_or_the_one_of_its_list(path: str) -> None:
    assert registry(f"https://registry.test:8443{path}") == "https://registry.test:8443"
    assert registry(f"https://registry.test/mine{path}") == "https://registry.test/mine"


@pytest.mark.parametrize(
    "url", ["registry.test", "ftp://registry.test", "https://", "https://me:secret@registry.test"]
)
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        registry(url)
    assert "secret" not in refused.value.message
