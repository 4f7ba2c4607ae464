from dataclasses import replace

from mooring.server_json import OFFICIAL, OURS, candidates, entry, is_called, official_name, server_json
from mooring.servers import Release, Server

SERVER = Server(
    qualified_name="Acme/Weather",
    display_name="Weather",
    created_at="2026-11-20T12:00:00.000Z",
    updated_at="2026-11-21T12:00:00.000Z",
    version=3,
)
IMPORTED = replace(SERVER, source={"registry": "https://r.test", "name": "io.github.Acme/weather"})


def test_a_server_of_ours_has_its_own_name_and_an_imported_one_that_it_had() -> None:
    assert official_name(SERVER) == "Acme/Weather"
    assert official_name(IMPORTED) == "io.github.Acme/weather"
    assert official_name(replace(SERVER, source={"registry": "a file", "name": "@Acme/x"})) == "Acme/x"


def test_a_name_that_the_form_has_no_place_for_is_none() -> None:
    assert official_name(replace(SERVER, qualified_name="under_score/weather")) is None
    assert official_name(replace(SERVER, qualified_name="acme/under_score")) == "acme/under_score"


def test_a_name_of_the_official_registry_is_looked_for_as_it_is_and_without_its_prefix() -> None:
    assert candidates("io.github.acme/weather") == ("io.github.acme/weather", "acme/weather")
    assert candidates("com.acme/weather") == ("com.acme/weather",)
    assert is_called(IMPORTED, "io.github.acme/WEATHER")
    assert not is_called(SERVER, "io.github.acme/weather")


def test_a_bare_server_is_a_valid_document() -> None:
    assert server_json(SERVER) == {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "Acme/Weather",
        "title": "Weather",
        "description": "Weather",
        "version": "0.0.0",
    }


def test_texts_are_cut_to_what_the_form_allows() -> None:
    document = server_json(replace(SERVER, display_name="n" * 200, description="word \n" * 100))
    assert len(document["title"]) == len(document["description"]) == 100
    assert document["description"].startswith("word word ")
    assert document["description"].endswith("…")


def test_addresses_that_the_form_would_refuse_are_left_out() -> None:
    plain = replace(SERVER, icon_url="http://acme.test/i.png", repository="git@acme.test:x", homepage="")
    assert server_json(plain).keys().isdisjoint({"icons", "repository", "websiteUrl"})
    good = replace(
        SERVER,
        icon_url="https://acme.test/i.png",
        repository="https://github.com/acme/weather",
        homepage="https://acme.test",
    )
    assert (
        server_json(good).items()
        >= {
            "icons": [{"src": "https://acme.test/i.png"}],
            "repository": {"url": "https://github.com/acme/weather", "source": "github"},
            "websiteUrl": "https://acme.test",
        }.items()
    )
    for address, host in (
        ("https://git.acme.test/x", "git.acme.test"),
        ("http://me@GitLab.com:80/x", "gitlab"),
    ):
        assert server_json(replace(SERVER, repository=address))["repository"]["source"] == host
    for none in ("https://[", "https:///x", "acme/weather"):
        assert "repository" not in server_json(replace(SERVER, repository=none))


def test_remotes_are_told_but_for_those_it_has_no_word_for() -> None:
    remotes = (
        {"type": "http", "url": "https://acme.test/mcp", "headers": [{"name": "X-Key"}]},
        {"type": "sse", "url": "https://acme.test/sse"},
        {"type": "ws", "url": "wss://acme.test"},
        {"type": "http", "url": "ws://acme.test"},
    )
    assert server_json(replace(SERVER, remotes=remotes))["remotes"] == [
        {"type": "streamable-http", "url": "https://acme.test/mcp", "headers": [{"name": "X-Key"}]},
        {"type": "sse", "url": "https://acme.test/sse"},
    ]


def test_the_package_of_a_release_is_told_where_the_publisher_names_none() -> None:
    def packages(package: str) -> object:
        release = Release(launch={"command": "node"}, package=package)
        return server_json(replace(SERVER, release=release))["packages"]

    stdio = {"transport": {"type": "stdio"}}
    named = {"registryType": "npm", "identifier": "@acme/weather"}
    assert packages("npm:@acme/weather@1.2.3") == [{**named, **stdio, "version": "1.2.3"}]
    assert packages("npm:@acme/weather") == [{**named, **stdio}]
    assert packages("pypi:weather") == [{"registryType": "pypi", "identifier": "weather", **stdio}]
    said = replace(SERVER, packages=({**named, "transport": {"type": "sse", "url": "https://x"}},))
    assert server_json(said)["packages"] == list(said.packages)


def test_what_the_registry_knows_is_apart_from_what_the_publisher_says() -> None:
    told = entry(replace(SERVER, verified=True, license="MIT"), is_latest=True, is_deleted=False)
    assert told["server"].keys().isdisjoint({"verified", "license", "_meta"})
    assert told["_meta"][OFFICIAL] == {
        "status": "active",
        "statusChangedAt": "2026-11-20T12:00:00.000Z",
        "publishedAt": "2026-11-20T12:00:00.000Z",
        "updatedAt": "2026-11-21T12:00:00.000Z",
        "isLatest": True,
    }
    assert told["_meta"][OURS].items() >= {"verified": True, "license": "MIT", "hosting": None}.items()


def test_a_status_is_one_of_three() -> None:
    deprecated = replace(SERVER, source={"registry": "r", "status": "deprecated"})
    told = [
        entry(server, is_latest=True, is_deleted=is_deleted)["_meta"][OFFICIAL]["status"]
        for server, is_deleted in ((SERVER, False), (deprecated, False), (deprecated, True))
    ]
    assert told == ["active", "deprecated", "deleted"]
