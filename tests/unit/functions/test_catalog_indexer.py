from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from mooring.catalog import Catalog
from mooring.indexing import CatalogIndexer
from mooring.search.blobs import FolderBlobs
from mooring.search.query import parse
from tests.unit.functions.loading import event, load
from tests.unit.indexed import KnownServers, index_in, names, server
from tests.unit.search_world import BagOfWords


@pytest.fixture
def catalog() -> KnownServers:
    return KnownServers()


@pytest.fixture
def app(tmp_path: Path, catalog: KnownServers, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("MOORING_SEARCH_INDEX", str(tmp_path))
    app = load("catalog_indexer", monkeypatch)
    indexer = CatalogIndexer(cast("Catalog", catalog), FolderBlobs(tmp_path), BagOfWords())
    monkeypatch.setattr(app, "indexer", indexer)
    indexer.rebuild()
    return app


def handle(app: ModuleType, case: str) -> Any:
    return app.handler(event(f"catalog_indexer/{case}"), None)


def test_published_servers_are_found_as_they_were_last(
    app: ModuleType, catalog: KnownServers, tmp_path: Path
) -> None:
    catalog.calls = {"acme/weather": 7}
    handle(app, "published")
    assert names(tmp_path) == ["acme/weather", "acme/tides"]
    assert names(tmp_path, "harbours") == ["acme/tides"]
    assert names(tmp_path, "owner:acme-corp is:deployed climate") == ["acme/weather"]
    (tool,) = index_in(tmp_path).search_tools(parse("forecast"), 0, 10).hits
    assert (tool.name, tool.card["name"]) == ("acme/weather", "get_forecast")
    assert index_in(tmp_path).segments[-1].servers.use_counts.tolist() == [0, 7]


def test_unlisted_and_deleted_servers_are_found_no_more(app: ModuleType, tmp_path: Path) -> None:
    handle(app, "published")
    handle(app, "hidden")
    assert names(tmp_path) == []


def test_the_whole_catalog_is_indexed_when_that_is_asked_for(
    app: ModuleType, catalog: KnownServers, tmp_path: Path
) -> None:
    handle(app, "published")
    catalog.put(server("acme/other"))
    handle(app, "rebuild")
    assert names(tmp_path) == ["acme/other"]


def test_a_request_has_a_lost_index_built_and_a_whole_one_left_alone(
    app: ModuleType, catalog: KnownServers, tmp_path: Path
) -> None:
    catalog.put(server("acme/other"))
    handle(app, "request")
    assert catalog.readings == 1, "by the fixture"
    (tmp_path / "manifest.json").write_text("{")
    handle(app, "request")
    assert names(tmp_path) == ["acme/other"]


def test_what_keeps_the_index_from_being_written_fails_the_call(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda hands the records over again then."""

    def fail(*_: object) -> None:
        raise OSError("no bucket")

    monkeypatch.setattr(FolderBlobs, "put_if", fail)
    with pytest.raises(OSError, match="no bucket"):
        handle(app, "published")
