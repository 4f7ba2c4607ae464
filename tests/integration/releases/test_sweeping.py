"""Bundles that nobody names any more are removed, later (`mooring_local.builder.sweeping`)."""

import os
import time
from pathlib import Path

import pytest

from mooring.servers import Release
from mooring.uploads import Uploads
from mooring_local import tables
from mooring_local.builder.sweeping import Sweep
from tests.integration.registry import Registry, put_server

pytestmark = pytest.mark.integration

DAY = 86_400.0
NAMES = ("current", "past", "kept", "fetched", "unused", "young")


def digest(name: str) -> str:
    return f"{NAMES.index(name):064x}"


@pytest.fixture
def bundles(tmp_path: Path, running_registry: Registry) -> Path:
    one = running_registry
    for name in NAMES:
        folder = tmp_path / digest(name)
        folder.mkdir()
        (folder / "server.py").write_text(name)
        folder.chmod(0o555)
    (tmp_path / f".fetched-{digest('fetched')}").write_text("1")
    for name in ("past", "current"):
        put_server(one.dynamodb, "acme/weather", Release(launch={"command": "x"}, bundle=digest(name)))
    record = {"server": {"S": "acme/weather"}, "item": {"S": "release#1"}}
    release = {"M": {"bundle": {"S": digest("kept")}}}
    one.dynamodb.put_item(TableName=tables.name("releases"), Item={**record, "release": release})
    return tmp_path


def left(bundles: Path) -> set[str]:
    return {name for name in NAMES if (bundles / digest(name)).exists()}


def test_what_no_release_names_is_removed_some_days_after(bundles: Path, running_registry: Registry) -> None:
    names = (tables.name("catalog"), tables.name("releases"))
    sweep = Sweep(running_registry.dynamodb, names, bundles, 7 * DAY)
    (bundles / digest("young")).rename(bundles / "elsewhere")
    assert sweep.run() == []
    assert left(bundles) == set(NAMES) - {"young"}
    (bundles / "elsewhere").rename(bundles / digest("young"))  # built since
    mark = bundles / f".unused-{digest('unused')}"
    long_ago = time.time() - 8 * DAY
    os.utime(mark, (long_ago, long_ago))
    assert sweep.run() == [digest("unused")]
    assert left(bundles) == set(NAMES) - {"unused"}
    assert not mark.exists()


def test_what_is_named_again_meanwhile_stays(bundles: Path, running_registry: Registry) -> None:
    one = running_registry
    sweep = Sweep(one.dynamodb, (tables.name("catalog"), tables.name("releases")), bundles, 0.0)
    sweep.run()
    put_server(one.dynamodb, "acme/again", Release(launch={"command": "x"}, bundle=digest("unused")))
    assert sweep.run() == [digest("young")]
    assert "unused" in left(bundles)
    assert not (bundles / f".unused-{digest('unused')}").exists()


def test_uploads_are_kept_for_a_week_after_they_were_wanted_last(
    tmp_path: Path, running_registry: Registry
) -> None:
    old, wanted, partial = (tmp_path / name for name in ("0" * 64, "1" * 64, ".part-x"))
    long_ago = time.time() - 8 * DAY
    for path in (old, wanted, partial):
        path.write_text("x")
        os.utime(path, (long_ago, long_ago))
    assert Uploads(tmp_path).has("1" * 64)
    Sweep(running_registry.dynamodb, (), tmp_path / "none", DAY, uploads=tmp_path).remove_uploads()
    assert list(tmp_path.iterdir()) == [wanted]
