"""What builds elsewhere leave, and what of it is believed: `mooring.build_files`, `mooring.build_bodies`."""

import json
from typing import Any

import pytest

from tests.build_answers import archive, keys, leave, order, put, report, result
from tests.cloud_builds import BUCKET, FILES, SERVER, World

pytestmark = pytest.mark.integration


def test_what_a_build_finds_to_be_known_is_taken_from_before(world: World) -> None:
    first = world.request(SERVER, world.upload(FILES))
    world.begin(first)
    world.codebuild.wait("mooring:0")
    world.ended()
    bundle = world.record(first).release.bundle  # type: ignore[union-attr]
    found = world.inputs.find(SERVER, json.loads(result(world))["identity"])
    assert found
    world.inputs.keep(SERVER, "a commit", *found)

    world.codebuild.runs = False
    record = world.request(SERVER, {"type": "git", "url": "https://git.test/clock", "ref": "main"})
    world.begin(record)
    assert report(order(world, 1), {"identity": "a commit"})["isKnown"]
    assert not report(order(world, 1), {"identity": "another"})["isKnown"]
    leave(world, 1, {"identity": "a commit", "isKnown": True})
    world.codebuild.statuses["mooring:1"] = "SUCCEEDED"
    world.ended("mooring:1")

    made = world.record(record)
    assert (made.status, made.is_cached) == ("SUCCESS", True)
    assert made.release and made.release.bundle == bundle


def test_what_cannot_be_built_says_why_and_what_to_do(world: World) -> None:
    record = world.request(SERVER, world.upload({"README.md": "nothing to run"}))
    world.begin(record)
    output = world.codebuild.wait("mooring:0")
    world.ended()
    made = world.record(record)
    assert made.status == "FAILURE", output
    assert made.error and made.error["message"] and made.error["advice"]
    assert world.codebuild.statuses["mooring:0"] == "SUCCEEDED", "the build has said all there is to say"
    assert world.table.queue() == []


@pytest.mark.parametrize(
    ("status", "becomes", "says"),
    [
        ("FAILED", "FAILURE", "ended early"),
        ("TIMED_OUT", "FAILURE", "after 5 minutes"),
        ("STOPPED", "FAILURE", "was stopped"),
        ("SUCCEEDED", "FAILURE", "no result"),
        ("FAULT", "INTERNAL_ERROR", "machine"),
    ],
)
def test_a_build_that_leaves_nothing_ends_the_release_with_the_last_it_printed(
    world: World, status: str, becomes: str, says: str
) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    world.codebuild.statuses["mooring:0"] = status
    world.codebuild.lines["mooring:0"] = [f"line {number}" for number in range(30)]
    world.ended()
    made = world.record(record)
    assert made.status == becomes
    assert made.error and says in made.error["message"]
    if becomes == "FAILURE":
        assert made.error["details"] == [f"line {number}" for number in range(10, 30)]
        assert "line 29" in world.log(record)
    assert world.table.queue() == []


@pytest.mark.parametrize(
    "said",
    [
        {"package": {"name": "x", "launch": {"args": []}}},
        {"package": {"name": "x", "launch": {"command": "x"}, "configSchema": {"type": 5}}},
        {"package": {"name": "x", "launch": {"command": "x"}, "commit": "../.."}},
        {"isKnown": True, "identity": "of nobody"},
        {"failed": {"message": ""}},
        {},
        [],
    ],
)
def test_what_a_build_says_is_believed_only_as_far_as_it_can_be_run(world: World, said: Any) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    leave(world, 0, said)
    put(order(world)["bundle"], b"")
    world.codebuild.statuses["mooring:0"] = "SUCCEEDED"
    world.ended()
    assert world.record(record).status == "FAILURE"
    assert world.scanned == []


def test_an_archive_that_is_no_bundle_gets_nowhere(world: World) -> None:
    world.codebuild.runs = False
    for number, content in enumerate(
        [None, b"no archive", archive("../escape"), archive("large", 1_000_001)]
    ):
        record = world.request(SERVER, world.upload(FILES))
        world.begin(record)
        leave(world, number, {"package": {"name": "x", "launch": {"command": "x"}}})
        if content is not None:
            put(order(world, number)["bundle"], content)
        world.codebuild.statuses[f"mooring:{number}"] = "SUCCEEDED"
        world.ended(f"mooring:{number}")
        assert world.record(record).status == "FAILURE"
    assert [key for key in keys(world) if key.startswith("bundles/")] == []


def test_a_bundle_is_kept_under_the_digest_that_it_has_whatever_lay_there(world: World) -> None:
    source = world.upload(FILES)
    world.begin(world.request(SERVER, source))
    world.codebuild.wait("mooring:0")
    world.ended()
    (key,) = [key for key in keys(world) if key.startswith("bundles/")]
    content = world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=b"somebody's junk")

    world.begin(world.request("other/clock", source))
    world.codebuild.wait("mooring:1")
    world.ended("mooring:1")

    assert [key] == [found for found in keys(world) if found.startswith("bundles/")]
    assert world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == content


def test_what_a_build_leaves_cannot_be_replaced(world: World) -> None:
    world.codebuild.runs = False
    world.begin(world.request(SERVER, world.upload(FILES)))
    told = order(world)
    assert put(told["result"], b"{}") == 200
    assert put(told["result"], b"[]") == 412
    for place in (told["result"], told["bundle"]):  # the emulator asks no signature, S3 does
        assert "if-none-match" in place.partition("X-Amz-SignedHeaders=")[2].partition("&")[0]
