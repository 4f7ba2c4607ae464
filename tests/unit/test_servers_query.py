from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.servers import Release, Server
from mooring.servers_query import Query, parse, select

RELEASE = Release(launch={"command": "node"})


def server(
    name: str, description: str = "", *, deployed: bool = False, created_at: str = "2026-01-01"
) -> Server:
    return Server(
        qualified_name=name,
        display_name=name.partition("/")[2],
        description=description,
        release=RELEASE if deployed else None,
        created_at=created_at,
        updated_at=created_at,
        version=1,
    )


def found(servers: list[Server], q: str, use_counts: dict[str, int] | None = None) -> list[str]:
    return [hit.qualified_name for hit in select(servers, parse(q), use_counts or {})]


class TestParse:
    @pytest.mark.parametrize(
        "q",
        [
            "owner:smithery-ai repo:fetch is:deployed machine learning",
            "machine is:deployed learning repo:fetch owner:smithery-ai",
            'OWNER:@Smithery-AI  Repo:"fetch" IS:Deployed "machine   learning"',
        ],
    )
    def test_filters_are_found_in_any_order_case_and_quoting(self, q: str) -> None:
        assert parse(q) == Query(text="machine learning", owner="smithery-ai", repo="fetch", deployed=True)

    def test_a_quoted_value_may_have_spaces(self) -> None:
        assert parse('repo:"my repo" x') == Query(text="x", repo="my repo")

    def test_verified_is_a_filter(self) -> None:
        assert parse("owner:mem0ai is:verified memory") == Query(text="memory", owner="mem0ai", verified=True)

    @pytest.mark.parametrize("q", ["is:shiny", "lang:python", "owner:", 'owner:""', "is:"])
    def test_a_filter_nobody_knows_is_reported_and_filters_nothing(self, q: str) -> None:
        assert parse(f"a {q} b") == Query(text="a b", unknown=(q,))

    @pytest.mark.parametrize(
        "q", ["https://example.com", "c++", "a:b:c/d"[1:], "12:30", '"', "NEAR AND *", "%_\\"]
    )
    def test_other_punctuation_is_text(self, q: str) -> None:
        assert parse(q) == Query(text=q)

    @given(st.text())
    def test_any_text_can_be_asked(self, q: str) -> None:
        query = parse(q)
        assert query.text == " ".join(query.text.split())
        select([server("acme/weather")], query, {})


class TestSelect:
    def test_every_word_must_occur_somewhere(self) -> None:
        servers = [server("acme/weather", "Forecasts for sailors"), server("acme/maps", "Maps for sailors")]
        assert found(servers, "SAILORS forecast") == ["acme/weather"]
        assert found(servers, "sailors") == ["acme/maps", "acme/weather"]
        assert found(servers, "sailors hikers") == []

    def test_the_names_of_tools_are_searched(self) -> None:
        scanned = replace(server("acme/time"), tools=[{"name": "convert_timezone"}, {}])
        assert found([scanned, server("acme/maps")], "timezone") == ["acme/time"]

    def test_owner_is_the_namespace_or_the_owner_of_the_repository(self) -> None:
        servers = [
            server("acme/a"),
            replace(server("other/b"), repository="https://github.com/Acme/tools.git"),
            replace(server("other/c"), repository="git@github.com:acme/tools"),
            server("acme-corp/d"),
        ]
        assert found(servers, "owner:ACME") == ["acme/a", "other/b", "other/c"]

    @pytest.mark.parametrize("q", ["repo:tools", "repo:acme/tools"])
    def test_repo_is_the_name_or_the_repository(self, q: str) -> None:
        servers = [
            server("acme/tools"),
            replace(server("other/b"), repository="https://github.com/acme/tools/"),
            server("acme/toolset"),
        ]
        assert found(servers, q) == ["acme/tools", "other/b"]

    def test_state_filters_are_combined(self) -> None:
        deployed = server("a/deployed", deployed=True)
        both = replace(server("a/both", deployed=True), verified=True)
        servers = [deployed, both, replace(server("a/verified"), verified=True), server("a/neither")]
        assert found(servers, "is:deployed") == ["a/both", "a/deployed"]
        assert found(servers, "is:deployed is:verified") == ["a/both"]

    def test_the_exact_name_comes_first_then_names_then_deployed_then_use_then_the_newest(self) -> None:
        servers = [
            server("x/old", "fetch"),
            server("x/new", "fetch", created_at="2026-06-01"),
            server("x/used", "fetch"),
            server("x/deployed", "fetch", deployed=True),
            server("x/prefetch", deployed=True),
            server("z/fetch"),
        ]
        assert found(servers, "fetch", {"x/used": 7}) == [
            "z/fetch",
            "x/prefetch",
            "x/deployed",
            "x/used",
            "x/new",
            "x/old",
        ]

    @pytest.mark.parametrize("q", ["@Acme/Weather", "acme/weather", "weather"])
    def test_a_server_is_found_by_its_own_name_first(self, q: str) -> None:
        rival = server("acme/weather-pro", "weather acme/weather", deployed=True)
        assert found([rival, server("Acme/Weather")], q) == ["Acme/Weather", "acme/weather-pro"]

    @given(st.permutations(["a/1", "a/2", "B/1", "b/2", "c/3"]))
    def test_equals_are_in_the_order_of_their_names_whatever_order_they_were_read_in(
        self, names: list[str]
    ) -> None:
        assert found([server(name) for name in names], "") == ["a/1", "a/2", "B/1", "b/2", "c/3"]
