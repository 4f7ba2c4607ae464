"""What happens when something is told twice, late or never.

`mooring.cloud_builds` with `mooring.build_rows` and `mooring.codebuild`.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from mooring import cloud_builds as builds
from mooring.build_bodies import BuildOrder
from mooring_local.builder import remote
from mooring_local.builder.isolation import Limits
from tests.build_answers import keys, look_after, order, report
from tests.cloud_builds import FILES, SERVER, World

pytestmark = pytest.mark.integration


def test_a_newer_release_ends_the_build_of_the_older_one(world: World) -> None:
    world.codebuild.runs = False
    older = world.request(SERVER, world.upload(FILES))
    world.begin(older)
    newer = world.request(SERVER, world.upload({**FILES, "index.js": "// newer"}))
    world.begin(newer)
    assert world.codebuild.stopped == ["mooring:0"]
    assert world.record(older).status == "CANCELLED"
    world.begin(older)  # told late
    assert world.codebuild.stopped == ["mooring:0"]
    world.ended("mooring:0")
    assert world.record(newer).status == "WORKING"
    assert [queued.id for queued in world.table.queue()] == [newer.id]


def test_a_release_that_is_told_of_twice_is_built_once(world: World) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    world.begin(record)
    assert len(world.codebuild.started) == 1


def test_the_end_of_a_build_that_was_begun_again_is_not_that_of_the_new_one(world: World) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    world.codebuild.statuses["mooring:0"] = "FAILED"
    world.ended("mooring:0")
    again = world.table.again(world.record(record))
    world.begin(again)
    assert len(world.codebuild.started) == 2
    world.ended("mooring:0")  # told late
    assert world.record(record).status == "WORKING"


def test_a_cancelled_release_has_its_build_stopped(world: World) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES), scan={"config": {"key": "secret"}})
    world.begin(record)
    assert report(order(world), {"lines": ["one"]})["isWanted"]
    world.table.cancel(world.record(record))
    assert not report(order(world), {"lines": ["two"]})["isWanted"]
    world.builds.cancelled(SERVER, record.id)
    assert world.codebuild.stopped == ["mooring:0"]
    assert world.table.queue() == [], "and what it was to be scanned with is forgotten"
    world.ended()
    assert world.record(record).status == "CANCELLED"
    assert "two" not in world.log(record)


def test_what_nobody_tells_of_is_looked_after(world: World) -> None:
    world.codebuild.runs = False
    lost = world.request("lost/queued", world.upload(FILES))
    built = world.request("lost/built", world.upload(FILES))
    world.begin(built)
    running = world.request("still/running", world.upload(FILES))
    world.begin(running)
    world.codebuild.statuses["mooring:0"] = "FAILED"
    look_after(world)
    assert [world.record(one).status for one in (lost, built, running)] == ["QUEUED", "WORKING", "WORKING"]

    world.now = time.time() + builds.SILENT_SECONDS + 5
    look_after(world)
    assert [world.record(one).status for one in (lost, built, running)] == ["WORKING", "FAILURE", "WORKING"]
    assert len(world.codebuild.started) == 3


def test_a_build_that_is_not_wanted_any_more_ends_and_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    was_ended = False

    async def build(*_: object) -> Any:
        nonlocal was_ended
        world.table.cancel(world.record(record))
        try:
            await asyncio.Event().wait()
        finally:
            was_ended = True

    monkeypatch.setattr(remote, "_REPORT_SECONDS", 0.01)
    one = remote.Remote(BuildOrder.model_validate(order(world)), tmp_path, Limits(60, 10**9, 10**9, 100))
    monkeypatch.setattr(one._builder, "build", build)
    assert asyncio.run(one.work()) is None
    assert was_ended
    assert [key for key in keys(world) if "result" in key or "bundle" in key] == []
