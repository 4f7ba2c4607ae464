from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from mooring.catalog import Catalog
from mooring.errors import SearchUnavailable
from mooring.index_requests import IndexRequests
from mooring.indexing import CatalogIndexer
from mooring.registry_search import RegistrySearch
from mooring.search.blobs import FolderBlobs
from mooring.search.query import parse
from mooring.search.reader import IndexReader
from mooring.server_views import ServerViews
from tests.unit.indexed import RELEASE, KnownServers, server
from tests.unit.search_world import BagOfWords

VIEWS = ServerViews("wss://host", "https://host")


class World:
    """An index in a folder, the catalog it was made of, and what searches both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = KnownServers(
            server("Acme/Weather", "Forecasts for sailors", release=RELEASE, uses_elsewhere=5),
            server("acme/tides", "Tides for sailors", tools=[{"name": "high_water"}]),
            server("other/maps", "Maps", homepage="https://maps.test"),
        )
        self.asked = 0
        catalog = cast("Catalog", self.catalog)
        CatalogIndexer(catalog, FolderBlobs(folder), BagOfWords()).rebuild()
        reader = IndexReader(FolderBlobs(folder), BagOfWords(), refresh_seconds=0)
        self.search = RegistrySearch(catalog, VIEWS, reader, cast("IndexRequests", self))

    def ask(self) -> None:
        self.asked += 1

    def found(self, q: str, page: int = 1, page_size: int = 10, most: int | None = None) -> list[str]:
        answer = self.search.servers(parse(q), page, page_size, most=most)
        return [entry["qualifiedName"] for entry in answer.entries]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_entry_is_that_of_a_list_with_what_the_search_says(world: World) -> None:
    world.catalog.calls = {"acme/weather": 2}
    answer = world.search.servers(parse("forecasts"))
    (entry,) = answer.entries
    known = VIEWS.listed(world.catalog.servers["acme/weather"], 7)
    assert entry.pop("score") > 0
    assert entry.pop("matched") == ("forecasts",)
    assert entry == {name: value for name, value in known.items() if name != "score"}
    assert (answer.total, answer.source) == (1, "index")


def test_without_words_there_is_no_score(world: World) -> None:
    answer = world.search.servers(parse(""))
    assert [(entry["score"], entry["matched"]) for entry in answer.entries] == [(None, ())] * 3
    assert [entry["homepage"] for entry in answer.entries][-1] == "https://maps.test"


@pytest.mark.parametrize("q", ["acme/new", "@ACME/New", "  acme/new  ", "acme/new is:deployed"])
def test_a_server_that_the_index_does_not_know_yet_is_found_by_its_name(world: World, q: str) -> None:
    world.catalog.put(server("Acme/New", release=RELEASE))
    assert world.found(q)[0] == "Acme/New"


def test_what_is_just_published_takes_one_place_on_the_pages(world: World) -> None:
    for number in range(5):
        world.catalog.put(server(f"x/new-thing-{number}"))
    CatalogIndexer(cast("Catalog", world.catalog), FolderBlobs(world.folder), BagOfWords()).rebuild()
    world.catalog.put(server("x/new-thing"))
    whole = world.found("x/new-thing")
    assert whole[0] == "x/new-thing"
    assert len(whole) == 6
    assert [name for page in (1, 2, 3) for name in world.found("x/new-thing", page, 2)] == whole
    assert world.search.servers(parse("x/new-thing"), 2, 2).total == 6


@pytest.mark.parametrize("hidden", [{"unlisted": True}, {"deleted_at": "2026-11-21"}])
def test_a_hidden_server_is_not_found_by_its_name_either(world: World, hidden: dict[str, object]) -> None:
    world.catalog.put(replace(server("acme/new"), **hidden))  # type: ignore[arg-type]
    assert "acme/new" not in world.found("acme/new")


def test_a_name_passes_the_filters_too(world: World) -> None:
    world.catalog.put(server("acme/new"))
    assert world.found("acme/new is:deployed") == ["Acme/Weather"]


def test_the_most_that_is_wanted_caps_the_total_and_the_pages(world: World) -> None:
    everything = world.found("")
    assert world.search.servers(parse(""), most=2).total == 2
    assert world.found("", 1, 10, 2) == everything[:2]
    assert world.found("", 2, 1, 2) == everything[1:2]
    assert world.found("", 3, 1, 2) == []
    assert world.found("", 10**30) == []


class TestLost:
    @pytest.fixture
    def lost(self, world: World) -> World:
        (world.folder / "manifest.json").write_text("{")
        return world

    def test_names_are_compared_and_the_index_is_asked_for(self, lost: World) -> None:
        answer = lost.search.servers(parse("tide"))
        assert [entry["qualifiedName"] for entry in answer.entries] == ["acme/tides"]
        assert (answer.source, answer.total, lost.asked) == ("names", 1, 1)
        assert lost.found("sailors") == []

    def test_filters_pages_and_use_counts_are_those_of_the_index(self, lost: World) -> None:
        assert lost.found("is:deployed") == ["Acme/Weather"]
        assert lost.found("", 2, 2) == ["other/maps"]
        assert lost.search.servers(parse("weather")).entries[0]["useCount"] == "5"

    def test_a_new_server_is_found_by_its_name(self, lost: World) -> None:
        assert lost.found("acme") == ["Acme/Weather", "acme/tides"]
        lost.catalog.put(server("acme/new"))
        assert lost.found("acme/new") == ["acme/new"]

    def test_names_are_read_from_the_catalog_now_and_then(self, lost: World) -> None:
        before = lost.catalog.readings
        for _ in range(3):
            lost.found("acme")
        assert lost.catalog.readings == before + 1

    def test_tools_have_no_names_to_be_found_by(self, lost: World) -> None:
        with pytest.raises(SearchUnavailable) as refused:
            lost.search.tools(parse("water"))
        assert refused.value.data == {"retryAfterSeconds": 60}

    def test_an_index_that_is_there_again_is_used_at_once(self, lost: World) -> None:
        assert lost.found("sailors") == []
        CatalogIndexer(cast("Catalog", lost.catalog), FolderBlobs(lost.folder), BagOfWords()).rebuild()
        assert lost.found("sailors") == ["Acme/Weather", "acme/tides"]


def test_a_place_that_cannot_be_reached_leaves_the_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no bucket")

    monkeypatch.setattr(FolderBlobs, "etag", fail)
    assert world.search.servers(parse("tides")).source == "names"


def test_tools_are_found_with_their_server(world: World) -> None:
    (entry,) = world.search.tools(parse("water")).entries
    assert entry.pop("score") > 0
    assert entry == {
        "server": "acme/tides",
        "name": "high_water",
        "description": "",
        "inputSchema": None,
        "matched": ("water",),
    }
