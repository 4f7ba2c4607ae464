from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from mooring.catalog import Catalog
from mooring.index_requests import IndexRequests, is_request
from mooring.indexing import CatalogIndexer
from mooring.search.blobs import FolderBlobs
from tests.unit.indexed import KnownServers, names, server
from tests.unit.search_world import BagOfWords

LATER = "2026-11-21T12:00:00.000Z"


@pytest.fixture
def catalog() -> KnownServers:
    return KnownServers(server("acme/weather"), server("acme/tides"))


@pytest.fixture
def indexer(catalog: KnownServers, tmp_path: Path) -> CatalogIndexer:
    indexer = CatalogIndexer(cast("Catalog", catalog), FolderBlobs(tmp_path), BagOfWords())
    indexer.rebuild()
    return indexer


def test_what_was_missed_is_caught_up_without_reading_the_rest(
    indexer: CatalogIndexer, catalog: KnownServers, tmp_path: Path
) -> None:
    catalog.put(server("acme/new", updated_at=LATER))
    catalog.put(server("acme/tides", updated_at=LATER, deleted_at=LATER))
    indexer.catch_up(LATER)
    assert names(tmp_path) == ["acme/new", "acme/weather"]
    assert catalog.readings == 1, "when it was built"


def test_an_index_of_another_catalog_is_built_anew(
    indexer: CatalogIndexer, catalog: KnownServers, tmp_path: Path
) -> None:
    del catalog.servers["acme/tides"]  # as after the state was removed: no tombstone tells
    indexer.catch_up(LATER)
    assert names(tmp_path) == ["acme/weather"]


@pytest.mark.parametrize("damage", ["manifest", "segment"])
def test_a_change_finds_a_lost_index_and_has_it_built(
    indexer: CatalogIndexer, catalog: KnownServers, tmp_path: Path, damage: str
) -> None:
    path = next(tmp_path.glob(f"{damage}*"))
    path.write_bytes(path.read_bytes()[:-1])
    assert not indexer.is_whole()
    new = replace(server("acme/new"), version=2)
    catalog.put(new)
    indexer.apply({new.name: new})
    assert names(tmp_path) == ["acme/new", "acme/tides", "acme/weather"]
    assert indexer.is_whole()


def test_an_index_of_another_encoder_is_not_whole(tmp_path: Path, indexer: CatalogIndexer) -> None:
    class Other(BagOfWords):
        id = "other"

    assert not CatalogIndexer(cast("Catalog", KnownServers()), FolderBlobs(tmp_path), Other()).is_whole()


def test_the_index_is_asked_for_now_and_then_and_each_time_differently() -> None:
    class Table:
        def __init__(self) -> None:
            self.items: list[dict[str, dict[str, str]]] = []

        def put_item(self, TableName: str, Item: dict[str, dict[str, str]]) -> None:
            self.items.append(Item)

    now = [1_000.0]
    table = Table()
    requests = IndexRequests(table, "catalog", lambda: now[0])
    for at in (1_000.0, 1_004.9, 1_005.0):
        now[0] = at
        requests.ask()
    assert len(table.items) == 2
    assert table.items[0] != table.items[1], "the stream tells of changes only"
    assert all(is_request({name: item[name] for name in ("server", "item")}) for item in table.items)
