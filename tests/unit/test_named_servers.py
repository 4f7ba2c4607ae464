from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.named_servers import passes, select
from mooring.search.query import Filters, parse
from mooring.search_documents import document
from mooring.servers import Server
from tests.unit.indexed import RELEASE, server


def found(servers: list[Server], q: str, calls: dict[str, int] | None = None) -> list[str]:
    documents = [document(one, (calls or {}).get(one.name, 0)) for one in servers]
    return [one.qualified_name for one in select(documents, parse(q))]


def test_every_word_must_occur_in_a_name_and_nothing_else_counts() -> None:
    servers = [
        replace(server("acme/weather", "for sailors"), display_name="Wetter heute"),
        server("acme/maps", "weather"),
    ]
    assert found(servers, "ACME heute") == ["acme/weather"]
    assert found(servers, "weath") == ["acme/weather"]
    assert found(servers, "sailors") == []


def test_the_exact_name_comes_first_then_beginnings_then_deployed_then_use_then_the_newest() -> None:
    servers = [
        server("x/my-fetch"),
        server("x/fetch-new", created_at="2026-11-21"),
        server("x/fetch-old", created_at="2026-11-19"),
        server("x/fetch-used", created_at="2026-11-19"),
        server("x/fetch-deployed", release=RELEASE),
        server("z/fetch"),
    ]
    assert found(servers, "@fetch", {"x/fetch-used": 7}) == [
        "z/fetch",
        "x/fetch-deployed",
        "x/fetch-used",
        "x/fetch-new",
        "x/fetch-old",
        "x/my-fetch",
    ]


@given(st.permutations(["a/1", "a/2", "B/1", "b/2", "c/3"]))
def test_equals_are_in_the_order_of_their_names_whatever_order_they_were_read_in(names: list[str]) -> None:
    assert found([server(name) for name in names], "") == ["a/1", "a/2", "B/1", "b/2", "c/3"]


@given(st.text())
def test_any_text_can_be_asked(q: str) -> None:
    found([server("acme/weather")], q)


KNOWN = document(
    server(
        "Acme/Weather",
        release=RELEASE,
        verified=True,
        repository="https://github.com/Acme-Corp/Weather-Tools.git",
    )
)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(owner="acme"),
        Filters(owner="acme-corp"),
        Filters(namespace="acme"),
        Filters(repo="weather"),
        Filters(repo="acme/weather"),
        Filters(repo="weather-tools"),
        Filters(repo="acme-corp/weather-tools"),
        Filters(deployed=True, verified=True, remote=True),
        Filters(ids=frozenset({"acme/weather", "other/one"})),
    ],
)
def test_a_server_passes_what_fits_it(filters: Filters) -> None:
    assert passes(KNOWN, filters)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(owner="weather-tools"),
        Filters(namespace="acme-corp"),
        Filters(repo="weather-tools.git"),
        Filters(repo="acme/weather-tools"),
        Filters(deployed=False),
        Filters(verified=False),
        Filters(remote=False),
        Filters(ids=frozenset({"other/one"})),
        Filters(owner="acme", repo="maps"),
    ],
)
def test_a_server_does_not_pass_what_does_not(filters: Filters) -> None:
    assert not passes(KNOWN, filters)
