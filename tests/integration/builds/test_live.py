"""Releases whose builds run elsewhere (`mooring.cloud_builds`), from the request to what is live.

What was built before of the same input (`mooring.build_inputs`) is not built again.
"""

import json
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import InvalidRequest, ScanFailed
from tests import cloud_builds
from tests.build_answers import order
from tests.cloud_builds import FILES, SECRET, SERVER, World
from tests.integration.registry import Registry

pytestmark = pytest.mark.integration


def is_for_all() -> bool:
    """Return whether everybody may run this Python: it may be in a home."""
    folders = Path(sys.base_prefix, "lib").resolve().parents
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def test_what_was_uploaded_is_built_elsewhere_and_goes_live(world: World) -> None:
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    output = world.codebuild.wait("mooring:0")
    world.ended()

    made = world.record(record)
    assert made.status == "SUCCESS", (made.error, output)
    assert made.release and made.release.bundle
    assert made.release.launch["command"] == "node"
    assert world.store.has(made.release.bundle)
    live = world.registry.catalog.get(SERVER)
    assert live.release and live.release.id == record.id
    assert world.log(record)[0] == "Building"
    assert world.table.queue() == []
    (address,) = world.scanned
    assert f"release={record.id}" in address


def test_a_build_is_told_one_address_and_no_more(world: World) -> None:
    world.codebuild.runs = False
    world.begin(world.request(SERVER, world.upload(FILES)))
    (started,) = world.codebuild.started
    assert [variable["name"] for variable in started["environmentVariablesOverride"]] == [
        "MOORING_BUILD_ORDER"
    ]
    assert len(started["environmentVariablesOverride"][0]["value"]) < 5000
    told = order(world)
    assert told.keys() == {
        *("server", "release", "source", "file", "result", "bundle", "report", "key", "seconds"),
        "bundleBytes",
    }
    assert SECRET not in json.dumps(told)


def test_unchanged_input_is_not_built_again(world: World) -> None:
    source = world.upload(FILES)
    first = world.request(SERVER, source)
    world.begin(first)
    world.codebuild.wait("mooring:0")
    world.ended()

    second = world.request(SERVER, source)
    world.begin(second)

    assert len(world.codebuild.started) == 1
    made = world.record(second)
    assert (made.status, made.is_cached) == ("SUCCESS", True)
    assert made.release and made.release.bundle == world.record(first).release.bundle  # type: ignore[union-attr]
    other = world.request("other/clock", source)
    world.begin(other)
    assert len(world.codebuild.started) == 2, "what one publisher has built is nothing to another"


def test_what_the_scan_is_to_be_made_with_is_kept_until_then_and_no_longer(world: World) -> None:
    record = world.request(SERVER, world.upload(FILES), scan={"config": {"key": "secret"}})
    world.begin(record)
    world.codebuild.wait("mooring:0")
    world.ended()
    ticket = world.scanned[0].partition("ticket=")[2].partition("&")[0]
    assert world.registry.tickets.redeem(ticket)[1] == {"key": "secret"}
    assert world.table.queue() == []


def test_a_server_elsewhere_is_scanned_without_a_build(world: World) -> None:
    record = world.request(
        SERVER, {"type": "external", "url": "https://elsewhere.test/mcp"}, kind="external_shttp"
    )
    world.begin(record)
    assert world.codebuild.started == []
    assert world.scanned == ["https://elsewhere.test/mcp"]
    assert world.record(record).status == "SUCCESS"


def test_what_fails_its_scan_does_not_go_live(world: World) -> None:
    def refused() -> Any:
        raise ScanFailed("it wants a key", {"advice": "Load lazily", "needs": "config"})

    world.found = refused
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    world.codebuild.wait("mooring:0")
    world.ended()
    made = world.record(record)
    assert (made.status, made.error) == (
        "FAILURE_SCAN",
        {"message": "it wants a key", "advice": "Load lazily"},
    )
    live = world.registry.catalog.get(SERVER)
    assert live.release is None or live.release.id != record.id


def test_when_all_machines_are_busy_the_publisher_is_told(world: World) -> None:
    world.codebuild.is_full = True
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    made = world.record(record)
    assert made.status == "FAILURE"
    assert made.error and "try again in some minutes" in made.error["message"]


def test_an_upload_that_is_gone_starts_no_build(world: World) -> None:
    record = world.request(SERVER, {"type": "upload", "sha256": "0" * 64, "name": "x.mcpb"})
    world.begin(record)
    assert world.codebuild.started == []
    made = world.record(record)
    assert made.error and "upload it again" in made.error["message"]


def test_a_small_file_comes_through_the_registry_into_the_bucket(world: World) -> None:
    first, second = world.upload(FILES), world.upload(FILES)
    assert world.uploads.has(first["sha256"])
    assert world.uploads.has(second["sha256"])
    with pytest.raises(InvalidRequest, match="POST /uploads"):
        world.upload({"large": secrets.token_hex(6_500_000)})


@pytest.mark.skipif(os.geteuid() != 0 or not is_for_all(), reason="only root becomes somebody else")
def test_a_build_runs_as_another_user_than_who_begins_it(served: Registry, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents[:2]:  # pytest's own, which nobody else may pass through
        folder.chmod(folder.stat().st_mode | 0o711)
    with cloud_builds.running(served, MOORING_BUILD_UID="65534", TMPDIR=str(tmp_path)) as world:
        record = world.request(SERVER, world.upload(FILES))
        world.begin(record)
        output = world.codebuild.wait("mooring:0")
        world.ended()
        made = world.record(record)
        assert made.status == "SUCCESS", (made.error, output)
