import os
import time
from pathlib import Path
from typing import cast

import pytest

from mooring.catalog import Catalog
from mooring.indexing import CatalogIndexer
from mooring.search.blobs import FolderBlobs
from mooring_local.indexer.folder import IndexFolder
from tests.unit.indexed import KnownServers, names, server
from tests.unit.search_world import BagOfWords


@pytest.fixture
def folder(tmp_path: Path) -> IndexFolder:
    catalog = cast("Catalog", KnownServers(server("acme/weather")))
    CatalogIndexer(catalog, FolderBlobs(tmp_path), BagOfWords()).rebuild()
    return IndexFolder(tmp_path)


def test_the_time_up_to_which_all_is_indexed_is_kept(folder: IndexFolder, tmp_path: Path) -> None:
    assert folder.marked() is None
    folder.mark(1_795_000_000.25)
    assert IndexFolder(tmp_path).marked() == 1_795_000_000.25


def test_a_mark_that_a_crash_has_cut_off_is_none(folder: IndexFolder, tmp_path: Path) -> None:
    (tmp_path / "indexed-until").write_text("")
    assert folder.marked() is None


def test_old_segments_of_no_manifest_are_removed_and_no_others(folder: IndexFolder, tmp_path: Path) -> None:
    long_ago = time.time() - 3600
    left, unfinished, new = (
        tmp_path / name for name in ("segment-left.arrays", ".segment-left.arrays.x1", "segment-new.arrays")
    )
    for path in (left, unfinished, new):
        path.write_bytes(b"")
    for path in tmp_path.iterdir():
        if path != new:
            os.utime(path, (long_ago, long_ago))
    folder.sweep()
    assert not left.exists()
    assert not unfinished.exists()
    assert new.exists(), "somebody may be about to name it"
    assert names(tmp_path) == ["acme/weather"]


def test_without_a_manifest_nothing_is_removed(folder: IndexFolder, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").unlink()
    before = sorted(tmp_path.iterdir())
    folder.sweep()
    assert sorted(tmp_path.iterdir()) == before
