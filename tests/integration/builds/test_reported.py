"""What builds elsewhere say meanwhile, and who may: `mooring.build_reports_api`."""

import time
import urllib.error
import urllib.request

import pytest

from mooring import callbacks
from mooring.build_bodies import build_name
from tests.build_answers import order, post, report
from tests.cloud_builds import FILES, SECRET, SERVER, World

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("wrong", ["no signature", "another release's", "another server's", "old"])
def test_nobody_but_a_build_writes_its_log(world: World, wrong: str) -> None:
    world.codebuild.runs = False
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    told = order(world)
    key = callbacks.session_key(
        SECRET,
        build_name(
            "other/clock" if wrong == "another server's" else SERVER,
            "other" if wrong == "another release's" else record.id,
        ),
    )
    body = b'{"lines": ["forged"]}'
    name, now = build_name(SERVER, record.id), time.time() - (120 if wrong == "old" else 0)
    headers = {} if wrong == "no signature" else callbacks.signed(key, name, body, now)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(told, body, headers)
    refused.value.close()
    assert refused.value.code == 401
    assert "forged" not in world.log(record)


def test_a_report_is_bounded_and_opens_no_other_path(world: World) -> None:
    world.codebuild.runs = False
    world.begin(world.request(SERVER, world.upload(FILES)))
    told = order(world)
    for lines in (["x"] * 501, ["x" * 2001], ["x" * 1000] * 400):
        with pytest.raises(urllib.error.HTTPError) as refused:
            report(told, {"lines": lines})
        refused.value.close()
        assert refused.value.code == 422
    for path in ("/servers", "/_/builds", "/_/buildsX", f"/servers/{SERVER}/releases"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(world.url + path, timeout=10)
        refused.value.close()
        assert refused.value.code == 401, path


def test_what_a_build_does_is_read_in_the_log_of_the_release(world: World) -> None:
    record = world.request(SERVER, world.upload(FILES))
    world.begin(record)
    output = world.codebuild.wait("mooring:0")
    said = [line for line in output.splitlines() if line]
    assert "Sealing the bundle" in said
    assert [line for line in world.log(record) if line in said] == said
