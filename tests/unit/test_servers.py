from dataclasses import replace

import pytest

from mooring.dynamodb import to_item
from mooring.errors import InvalidRequest
from mooring.servers import (
    Release,
    Server,
    is_past_version,
    past_version_item,
    server_from_item,
    server_item,
)

SERVER = Server(
    qualified_name="Acme/Weather",
    display_name="Weather",
    description="forecasts",
    tools=[{"name": "forecast", "inputSchema": {"maximum": 1.5}}],
    resources=[],
    release=Release(
        launch={"command": "node", "args": ["${bundle}/x.js"]},
        bundle="sha-1",
        config_schema={"properties": {"n": {"default": 2**70}}},
        id="20261120T120000Z-00000000",
        created_at="2026-11-20T12:00:00.000Z",
    ),
    created_at="2026-11-20T12:00:00.000Z",
    updated_at="2026-11-20T12:00:00.000Z",
    version=3,
)


def test_a_server_comes_back_from_its_item_as_it_was() -> None:
    assert server_from_item(server_item(SERVER)) == SERVER


def test_a_server_that_is_only_listed_comes_back_too() -> None:
    listed = Server(qualified_name="a/b", display_name="b", created_at="t", updated_at="t", version=1)
    assert server_from_item(server_item(listed)) == listed
    assert not listed.is_deployed


def test_the_key_of_an_item_is_the_name_in_lower_case() -> None:
    item = server_item(SERVER)
    assert (item["server"], item["item"]) == ({"S": "acme/weather"}, {"S": "server"})


def test_attributes_of_a_newer_version_are_passed_over() -> None:
    """A function of the old release may read what one of the new release wrote, during a deployment."""
    assert server_from_item({**server_item(SERVER), **to_item({"badges": ["new"]})}) == SERVER


def test_a_scan_that_is_not_json_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidRequest, match=r"^tools "):
        server_item(replace(SERVER, tools=[{"a": "\ud800"}]))


def test_everything_a_publisher_may_say_comes_back() -> None:
    said = replace(
        SERVER,
        categories=("weather",),
        keywords=("rain", "wind"),
        remotes=({"type": "http", "url": "https://acme.test", "variables": {"a": {"default": 1.5}}},),
        packages=({"registryType": "npm", "identifier": "weather"},),
        config_schema={"type": "object"},
        source={"registry": "https://r.test"},
        hosted_elsewhere=True,
        unlisted=True,
        uses_elsewhere=3,
        deleted_at="2026-11-21T12:00:00.000Z",
    )
    assert server_from_item(server_item(said)) == said
    past = server_from_item(past_version_item(said))
    assert past == replace(said, tools=None, resources=None)
    assert is_past_version(past_version_item(said))
    assert not is_past_version(server_item(said))


def test_an_item_of_the_time_before_owners_is_read() -> None:
    item = server_item(SERVER)
    for later in ("owner", "unlisted", "categories", "remotes", "packages", "uses_elsewhere"):
        del item[later]
    assert server_from_item(item) == SERVER


@pytest.mark.parametrize(
    ("stated", "package", "name"),
    [
        ("2.0.0", "npm:weather@1.2.3", "2.0.0"),
        ("", "npm:@acme/weather@1.2.3", "1.2.3"),
        ("", "npm:@acme/weather", "20261120T120000Z-00000000"),
        ("", "npm:weather@latest", "20261120T120000Z-00000000"),
        ("", None, "20261120T120000Z-00000000"),
    ],
)
def test_a_version_has_the_name_its_publisher_gave_it(stated: str, package: str | None, name: str) -> None:
    assert SERVER.release
    server = replace(SERVER, stated_version=stated, release=replace(SERVER.release, package=package))
    assert server.version_name == name
    assert replace(SERVER, release=None).version_name == "0.0.0"
