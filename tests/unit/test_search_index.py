from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.search.document import Tool
from mooring.search.query import ANYTHING, Filters, Query, parse
from tests.unit.search_world import document, found, index_of, index_of_words

SERVERS = [
    document("acme/weather", "Forecasts for sailors"),
    document("acme/maps", "Charts for sailors"),
    document("other/harbour", "Berths and tides", keywords=("sailing",)),
]


class TestWords:
    def test_what_is_asked_for_is_found_in_every_part_of_a_server(self) -> None:
        scanned = document("x/time", tools=(Tool(name="convert_timezone", description="Greenwich"),))
        index = index_of(*SERVERS, scanned)
        assert found(index, "harbour")[0] == "other/harbour"
        assert found(index, "tides") == ["other/harbour"]
        assert "other/harbour" in found(index, "sailing")
        assert found(index, "timezone")[0] == "x/time"
        assert found(index, "greenwich")[0] == "x/time"

    def test_a_word_in_the_name_counts_more_than_one_in_the_description(self) -> None:
        index = index_of_words(document("a/first", "Fetch pages"), document("z/fetch-all", "Pages"))
        assert found(index, "fetch me this and that please")[0] == "z/fetch-all"

    def test_forms_of_a_word_find_each_other(self) -> None:
        assert found(index_of(*SERVERS), "forecasting sailor")[0] == "acme/weather"

    def test_a_rare_word_counts_more_than_a_frequent_one(self) -> None:
        many = [document(f"a/s{number}", "data") for number in range(20)]
        assert found(index_of_words(*many, document("z/z", "tides")), "data tides")[0] == "z/z"

    def test_two_words_find_the_one_that_they_make(self) -> None:
        assert found(index_of_words(*SERVERS, document("x/a", "YouTube captions")), "you tube") == ["x/a"]

    def test_nothing_is_found_for_what_nobody_has(self) -> None:
        result = index_of(*SERVERS).search(parse("zyxwvut qqq"), 0, 10)
        assert (result.hits, result.total) == ([], 0)

    @pytest.mark.parametrize(
        "q", ['"', "*", "NEAR(a b)", "AND", "tides*", "'; --", "a:b", "-tides", "(", "%"]
    )
    def test_operators_are_text(self, q: str) -> None:
        index_of(*SERVERS).search(parse(q), 0, 10)
        assert "other/harbour" in found(index_of(*SERVERS), f"tides {q}")

    @given(st.text(max_size=200))
    def test_any_text_can_be_asked(self, q: str) -> None:
        result = index_of(*SERVERS).search(parse(q), 0, 10)
        assert len(result.hits) == result.total <= len(SERVERS)


class TestNames:
    @pytest.mark.parametrize("q", ["@Acme/Weather", "acme/weather", "weather", "Weather MCP server"])
    def test_a_server_is_found_by_its_own_name_first(self, q: str) -> None:
        rival = document("acme/weather-pro", "weather acme/weather weather", is_deployed=True)
        assert found(index_of(rival, *SERVERS), q)[0] == "acme/weather"

    def test_a_whole_name_is_meant_whoever_else_fits_it(self) -> None:
        rival = document("a/acme-weather", "acme weather", display_name="Acme Weather", is_deployed=True)
        assert found(index_of(rival, *SERVERS), "@Acme/Weather")[0] == "acme/weather"
        assert found(index_of(rival, *SERVERS), "@Acme/Weather is:deployed") == ["a/acme-weather"]

    def test_a_name_is_found_by_most_of_its_letters(self) -> None:
        assert found(index_of(*SERVERS, document("x/desktop-commander")), "desktopcomander")[0] == (
            "x/desktop-commander"
        )

    def test_of_names_alike_the_more_alike_comes_first(self) -> None:
        index = index_of_words(*SERVERS, document("a/context42x"), document("z/context7"))
        assert found(index, "context8") == ["z/context7", "a/context42x"]

    @pytest.mark.parametrize("q", ["brave search", "bravesearch", "brave-search", "BraveSearch"])
    def test_a_name_may_be_written_in_one_or_apart(self, q: str) -> None:
        assert found(index_of(*SERVERS, document("x/brave-search"), document("y/search")), q)[0] == (
            "x/brave-search"
        )


class TestSpelling:
    def test_a_slip_is_read_as_the_word_that_the_catalog_has(self) -> None:
        index = index_of_words(document("x/a", "Query PostgreSQL"), document("y/b", "Zephyrline clusters"))
        assert found(index, "zehpyrline") == ["y/b"]

    def test_a_word_that_the_catalog_has_is_no_slip(self) -> None:
        index = index_of(document("x/a", "stripes"), document("y/b", "stripen"))
        assert found(index, "stripen")[0] == "y/b"


class TestOtherWords:
    """With the words of `lexicon.txt`."""

    SERVERS = (
        document("a/sky", "Weather forecasts for every city"),
        document("b/mail", "Send and read email"),
        document("c/db", "Query a database"),
        document("d/slack", "Messages in Slack channels"),
    )

    @pytest.mark.parametrize(
        ("q", "name"),
        [
            ("Wettervorhersage", "a/sky"),
            ("天気予報", "a/sky"),
            ("发送邮件", "b/mail"),
            ("base de datos", "c/db"),
            ("E-Mails lesen", "b/mail"),
        ],
    )
    def test_a_query_in_another_language_finds_what_it_means(self, q: str, name: str) -> None:
        assert found(index_of(*self.SERVERS), q)[0] == name

    def test_words_that_go_with_those_of_the_query_find_what_has_none_of_them(self) -> None:
        assert found(index_of(*self.SERVERS), "do I need an umbrella tomorrow")[0] == "a/sky"

    def test_a_word_of_the_query_counts_more_than_one_that_goes_with_it(self) -> None:
        umbrellas = document("z/shop", "An umbrella shop")
        assert found(index_of(*self.SERVERS, umbrellas), "umbrella")[0] == "z/shop"

    def test_a_slip_is_not_taken_for_another_language(self) -> None:
        assert found(index_of(*self.SERVERS), "slak mesages")[0] == "d/slack"


class TestOrder:
    def test_the_deployed_one_of_two_alike_comes_first(self) -> None:
        index = index_of(document("a/x", "tides"), document("b/x", "tides", is_deployed=True))
        assert found(index, "tides") == ["b/x", "a/x"]

    def test_being_deployed_does_not_outweigh_a_better_answer(self) -> None:
        index = index_of(document("a/tides", "Tides"), document("b/x", "Other tides", is_deployed=True))
        assert found(index, "tides")[0] == "a/tides"

    def test_equals_are_in_the_order_of_their_names_on_every_page(self) -> None:
        names = [f"n{number:02}/same" for number in range(30)]
        index = index_of(*(document(name, "tides") for name in reversed(names)))
        pages = [found(index, "tides", offset, 7) for offset in range(0, 35, 7)]
        assert [name for page in pages for name in page] == names

    def test_without_text_deployed_then_use_then_the_newest_then_the_name(self) -> None:
        index = index_of(
            document("x/old", created_at="2026-01-01T00:00:00Z"),
            document("x/new", created_at="2026-06-01T00:00:00Z"),
            document("x/a-new", created_at="2026-05-31T22:00:00-02:00"),
            document("x/used", use_count=7),
            document("z/deployed", is_deployed=True),
        )
        assert found(index, "") == ["z/deployed", "x/used", "x/a-new", "x/new", "x/old"]
        assert found(index, "", 1, 2) == ["x/used", "x/a-new"]

    def test_the_total_counts_all_pages(self) -> None:
        index = index_of(*(document(f"a/s{number}", "tides") for number in range(12)), document("b/b", "oak"))
        assert index.search(parse("tides"), 0, 5).total == 12
        assert index.search(parse("tides"), 10, 5).total == 12
        beyond = index.search(parse("tides"), 40, 5)
        assert (beyond.hits, beyond.total) == ([], 12)
        assert index.search(parse(""), 0, 5).total == 13


class TestFilters:
    SERVERS = (
        document("acme/a", is_deployed=True, is_verified=True),
        document("other/b", repo_owner="acme", repo_name="tools", is_verified=True),
        document("acme-corp/c", is_remote=True),
        document("acme/tools", repo_owner="upstream", repo_name="kit", is_deployed=True),
    )

    @pytest.mark.parametrize(
        ("q", "names"),
        [
            ("owner:ACME", ["acme/a", "acme/tools", "other/b"]),
            ("namespace:acme", ["acme/a", "acme/tools"]),
            ("repo:tools", ["acme/tools", "other/b"]),
            ("repo:acme/tools", ["acme/tools", "other/b"]),
            ("repo:upstream/kit", ["acme/tools"]),
            ("repo:acme/kit", []),
            ("is:deployed", ["acme/a", "acme/tools"]),
            ("is:verified is:deployed", ["acme/a"]),
            ("is:remote", ["acme-corp/c"]),
            ("owner:nobody", []),
        ],
    )
    def test_only_what_passes_is_found(self, q: str, names: list[str]) -> None:
        index = index_of(*self.SERVERS)
        assert sorted(found(index, q)) == names
        told = index_of(*(replace(each, description="tides") for each in self.SERVERS))
        assert sorted(found(told, f"{q} tides")) == names

    def test_states_may_be_asked_to_be_false(self) -> None:
        query = Query("", Filters(deployed=False))
        assert [hit.name for hit in index_of(*self.SERVERS).search(query, 0, 9).hits] == [
            "acme-corp/c",
            "other/b",
        ]

    def test_ids_are_the_servers_that_are_meant(self) -> None:
        query = Query("", Filters(ids=frozenset({"acme/a", "other/b", "no/such"})))
        assert sorted(hit.name for hit in index_of(*self.SERVERS).search(query, 0, 9).hits) == [
            "acme/a",
            "other/b",
        ]

    def test_what_is_filtered_out_takes_no_place_and_no_part_in_scores(self) -> None:
        better = [document(f"x/tides{number}", "tides tides") for number in range(50)]
        index = index_of(*better, document("y/y", "Other tides", is_deployed=True))
        (hit,) = index.search(parse("tides is:deployed"), 0, 10).hits
        alone = (
            index_of(document("y/y", "Other tides", is_deployed=True)).search(parse("tides"), 0, 10).hits[0]
        )
        assert hit.name == "y/y"
        assert hit.score == pytest.approx(alone.score, abs=0.01)


class TestHits:
    def test_a_hit_brings_its_card_and_the_words_that_it_was_found_by(self) -> None:
        told = "Forecasts for Sailors"
        card = {"qualifiedName": "Acme/Weather", "description": told, "more": {"a": [1, "ü"]}}
        scanned = document("Acme/Weather", told, card=card, tools=(Tool(name="tide_table"),))
        (hit,) = index_of(scanned).search(parse("sailing sailor forecast tide"), 0, 1).hits
        assert (hit.name, hit.card) == ("acme/weather", card)
        assert hit.matched[:2] == ("forecasts", "sailors")
        assert "tide" in hit.matched

    def test_without_text_nothing_matched(self) -> None:
        (hit,) = index_of(SERVERS[0]).search(Query("", ANYTHING), 0, 1).hits
        assert hit.matched == ()


class TestTools:
    TIDE = Tool(name="tide_table", description="Tides of a harbour", input_schema={"type": "object"})
    INDEX = index_of(
        document("b/sea", tools=(TIDE, Tool(name="berth_list", description="Free berths"))),
        document("a/sky", is_deployed=True, tools=(Tool(name="forecast", description="Wind and rain"),)),
        document("c/none"),
    )

    def test_a_tool_is_found_across_servers_with_its_schema(self) -> None:
        hit = self.INDEX.search_tools(parse("tides"), 0, 10).hits[0]
        assert hit.name == "b/sea"
        assert hit.card == {
            "name": "tide_table",
            "description": "Tides of a harbour",
            "inputSchema": {"type": "object"},
        }
        assert "tides" in hit.matched

    def test_filters_are_of_the_tools_server(self) -> None:
        assert self.INDEX.search_tools(parse("tides is:deployed"), 0, 10).total == 0

    def test_without_text_tools_are_by_server_and_name(self) -> None:
        result = self.INDEX.search_tools(parse(""), 0, 10)
        names = [(hit.name, hit.card["name"]) for hit in result.hits]
        assert names == [("a/sky", "forecast"), ("b/sea", "berth_list"), ("b/sea", "tide_table")]
        assert result.total == 3


def test_of_two_documents_of_one_name_the_last_counts() -> None:
    index = index_of(document("a/b", "old tides"), document("a/b", "new oaks"))
    assert len(index) == 1
    assert found(index, "tides") == []
    assert found(index, "oaks") == ["a/b"]


def test_an_empty_index_finds_nothing() -> None:
    index = index_of()
    assert found(index, "") == found(index, "tides") == []
    assert index.search_tools(parse("tides"), 0, 10).total == 0
