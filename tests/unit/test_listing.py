"""How long a list may be, and what may be in it."""

import itertools

import pytest

from mooring import listing
from tests.unit.scanned import LISTS, TOOL, Message, Server, failure, scanned


async def test_what_is_listed_and_is_no_tool_is_told_with_its_place() -> None:
    broken = {"tools/list": [{"tools": [{"name": "look"}]}]}
    failed = await failure(Server(lists={**LISTS, **broken}))

    assert "tools/list" in failed.message and "inputSchema" in failed.message


async def test_a_version_that_nobody_knows_is_told() -> None:
    failed = await failure(Server(version="1999-01-01"))
    assert "1999-01-01" in failed.message


@pytest.mark.parametrize("cursors", [["a"], ["a", "b"], ["a", "b", "c"]])
async def test_a_list_that_goes_in_circles_ends(cursors: list[str]) -> None:
    following = dict(itertools.pairwise([None, *cursors, cursors[0]]))

    def page(cursor: str | None) -> Message:
        return {"tools": [{**TOOL, "name": f"after {cursor}"}], "nextCursor": following[cursor]}

    found = await scanned(Server(capabilities={"tools": {}}, lists={"tools/list": page}))
    assert {tool["name"] for tool in found.tools or []} == {f"after {cursor}" for cursor in (None, *cursors)}


async def test_a_list_that_has_no_end_is_given_up() -> None:
    server = Server(lists={"tools/list": lambda cursor: {"tools": [], "nextCursor": f"{cursor}+"}})
    failed = await failure(server)

    assert "has not come to its end" in failed.message
    assert server.asked.count("tools/list") == listing.MAX_PAGES


@pytest.mark.parametrize(("limit", "value"), [("MAX_ITEMS", 3), ("MAX_BYTES", 250)])
async def test_more_than_is_kept_is_not_read_to_its_end(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, limit, value)
    pages = {"tools/list": lambda cursor: {"tools": [TOOL, TOOL], "nextCursor": f"{cursor}+"}}
    server = Server(lists=pages)
    failed = await failure(server)

    assert "the server lists more than" in failed.message
    assert server.asked.count("tools/list") == 2
