from typing import Any

import pytest

from mooring.search.document import Tool
from mooring.search_documents import document, is_found
from mooring.server_views import card
from tests.unit.indexed import RELEASE, server


def test_a_server_is_found_by_all_that_is_known_about_it() -> None:
    known = server(
        "Acme/Weather",
        "Forecasts",
        display_name="The Weather",
        repository="git@github.com:Acme-Corp/Tools.git",
        categories=("climate",),
        keywords=("rain",),
        release=RELEASE,
        uses_elsewhere=40,
        tools=[{"name": "look", "description": "Looks", "inputSchema": {"type": "object"}}],
        prompts=[{"name": "ask-the-sky"}],
        resources=[{"name": "stations", "uri": "x:stations"}],
    )
    found = document(known, 2)
    assert (found.name, found.qualified_name, found.display_name) == (
        "acme/weather",
        "Acme/Weather",
        "The Weather",
    )
    assert found.keywords == ("climate", "rain", "ask-the-sky", "stations")
    assert found.tools == (Tool(name="look", description="Looks", input_schema={"type": "object"}),)
    assert (found.namespace, found.repo_owner, found.repo_name) == ("acme", "acme-corp", "tools")
    assert (found.is_deployed, found.is_verified, found.is_remote) == (True, False, True)
    assert found.use_count == 42
    assert found.card == card(known)


@pytest.mark.parametrize("repository", ["", "weather", "https://"])
def test_what_is_no_repository_has_no_owner(repository: str) -> None:
    assert document(server("acme/weather", repository=repository)).repo_owner == ""


@pytest.mark.parametrize("tool", [{}, {"name": None}, {"name": 7}, {"name": ""}])
def test_a_tool_without_a_name_is_left_out(tool: dict[str, Any]) -> None:
    assert document(server("acme/weather", tools=[tool])).tools == ()


def test_what_publishers_say_of_tools_may_be_anything() -> None:
    tool = {"name": "look", "description": ["no", "text"], "inputSchema": "none"}
    assert document(server("acme/weather", tools=[tool], prompts=[{"name": 3}])).tools == (Tool(name="look"),)


def test_deleted_and_unlisted_servers_are_not_found() -> None:
    assert is_found(server("acme/weather"))
    assert not is_found(server("acme/weather", unlisted=True))
    assert not is_found(server("acme/weather", deleted_at="2026-11-21"))
