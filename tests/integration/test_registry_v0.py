"""`/v0.1` (`mooring.registry_v0`): what clients of the official registry ask, and the form they expect."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from fastapi.testclient import TestClient

from tests.integration.registry import LAUNCH, Registry, publish

pytestmark = pytest.mark.integration

OFFICIAL = "io.modelcontextprotocol.registry/official"
NAME = "io.github.Acme/weather"
URL = {"type": "string", "pattern": r"^https?://\S+$"}
TEXT = {"type": "string", "minLength": 1, "maxLength": 100}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
# What the registry's OpenAPI and the schema of server.json, both of 2025-12, ask for.
ENTRY = {
    "type": "object",
    "required": ["server", "_meta"],
    "properties": {
        "server": {
            "type": "object",
            "required": ["name", "description", "version"],
            "additionalProperties": False,
            "properties": {
                "$schema": URL,
                "name": {"type": "string", "maxLength": 200, "pattern": "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$"},
                "title": TEXT,
                "description": TEXT,
                "version": {"type": "string", "minLength": 1, "maxLength": 255},
                "websiteUrl": URL,
                "repository": {"type": "object", "required": ["url", "source"], "properties": {"url": URL}},
                "icons": {"type": "array", "items": {"type": "object", "required": ["src"]}},
                "packages": {
                    "type": "array",
                    "items": {"type": "object", "required": ["registryType", "identifier", "transport"]},
                },
                "remotes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["type", "url"],
                        "properties": {"type": {"enum": ["streamable-http", "sse"]}, "url": URL},
                    },
                },
            },
        },
        "_meta": {
            "type": "object",
            "required": [OFFICIAL],
            "properties": {
                OFFICIAL: {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["status", "statusChangedAt", "publishedAt", "updatedAt", "isLatest"],
                    "properties": {
                        "status": {"enum": ["active", "deprecated", "deleted"]},
                        "statusChangedAt": TIME,
                        "publishedAt": TIME,
                        "updatedAt": TIME,
                        "isLatest": {"type": "boolean"},
                    },
                }
            },
        },
    },
}


def entries(http: TestClient, path: str = "/v0.1/servers", **params: Any) -> list[tuple[str, str, str, bool]]:
    """Return name, version, status and whether it is the latest, of every entry on the page."""
    answer = http.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["metadata"]["count"] == len(body["servers"])
    for one in body["servers"]:
        jsonschema.validate(one, ENTRY)
    about = [(one["server"], one["_meta"][OFFICIAL]) for one in body["servers"]]
    return [(it["name"], it["version"], meta["status"], meta["isLatest"]) for it, meta in about]


@pytest.fixture
def known(http: TestClient) -> Iterator[TestClient]:
    """Three servers: one released here, one imported, of which there are two versions, one deleted."""
    publish(
        http,
        "acme/tides",
        description="Tides " * 30,
        homepage="https://acme.test",
        iconUrl="https://acme.test/i.png",
        repository="https://github.com/acme/tides",
        release={"launch": LAUNCH, "package": "npm:tides@3.0.0"},
    )
    source = {"registry": "https://registry.test", "name": NAME}
    package = {"registryType": "npm", "identifier": "weather"}
    remotes = [{"type": "http", "url": "https://acme.test/mcp"}]
    for version in ("1.0.0", "1.1.0"):
        publish(
            http,
            "Acme/weather",
            version=version,
            source=source,
            packages=[{**package, "version": version}],
            remotes=remotes,
        )
    publish(http, "acme/gone", version="0.1.0")
    http.delete("/servers/acme/gone")
    yield http


TIDES = ("acme/tides", "3.0.0", "active", True)
OLD, NEW = (NAME, "1.0.0", "active", False), (NAME, "1.1.0", "active", True)
GONE = ("acme/gone", "0.1.0", "deleted", True)


def test_the_list_has_every_version_of_what_is_there(known: TestClient) -> None:
    assert sorted(entries(known)) == sorted([TIDES, OLD, NEW])


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"version": "latest"}, [TIDES, NEW]),
        ({"version": "1.0.0"}, [OLD]),
        ({"version": "9"}, []),
        ({"include_deleted": "true"}, [TIDES, OLD, NEW, GONE]),
        ({"search": "WEATHER"}, [OLD, NEW]),
        ({"search": "tides tides"}, [TIDES]),
        ({"search": "gone"}, []),
        ({"updated_since": "2020-01-01T00:00:00+02:00"}, [TIDES, OLD, NEW, GONE]),
        ({"updated_since": "2100-01-01T00:00:00Z"}, []),
        ({"search": "gone", "include_deleted": "true", "version": "latest"}, [GONE]),
    ],
    ids=repr,
)
def test_the_list_is_narrowed_down(
    known: TestClient, params: dict[str, str], found: list[tuple[str, str, str, bool]]
) -> None:
    assert sorted(entries(known, **params)) == sorted(found)


def test_what_has_changed_since_a_moment_is_found(known: TestClient) -> None:
    moment = datetime.fromisoformat(known.get("/servers/Acme/weather").json()["updatedAt"])
    changed = known.patch("/servers/acme/tides", json={"license": "MIT"}).json()["updatedAt"]
    since = (moment + timedelta(milliseconds=1)).astimezone(UTC).isoformat()
    assert TIDES in entries(known, updated_since=since)
    assert NEW not in entries(known, updated_since=changed)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_hold_each_version_once(known: TestClient, limit: int) -> None:
    cursor, seen = "", []
    while True:
        answer = known.get("/v0.1/servers", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        body = answer.json()
        assert len(body["servers"]) <= limit
        seen += [(one["server"]["name"], one["server"]["version"]) for one in body["servers"]]
        cursor = body["metadata"].get("nextCursor", "")
        if not cursor:
            break
    assert sorted(seen) == sorted([TIDES[:2], OLD[:2], NEW[:2]])


@pytest.mark.parametrize("name", [NAME, NAME.lower(), "acme/tides"])
@pytest.mark.parametrize("encode", [lambda name: name, lambda name: quote(name, safe="")])
def test_a_server_is_found_by_the_name_it_has_there(known: TestClient, name: str, encode: Any) -> None:
    versions = entries(known, f"/v0.1/servers/{encode(name)}/versions")
    assert versions == ([TIDES] if name == "acme/tides" else [NEW, OLD])
    latest = known.get(f"/v0.1/servers/{encode(name)}/versions/latest").json()
    jsonschema.validate(latest, ENTRY)
    assert latest["server"]["version"] == versions[0][1]


def test_a_version_is_found_by_its_name(known: TestClient) -> None:
    old = known.get(f"/v0.1/servers/{NAME}/versions/1.0.0").json()
    assert old["server"]["packages"] == [
        {
            "registryType": "npm",
            "identifier": "weather",
            "version": "1.0.0",
            "transport": {"type": "stdio"},
        }
    ]
    assert old["_meta"][OFFICIAL]["isLatest"] is False
    assert known.get(f"/v0.1/servers/{NAME}/versions/2.0.0").status_code == 404


@pytest.mark.parametrize(
    "name", ["acme/gone", "acme/weather", "io.github.acme/tides", "x", "a/b/c", "acme/%00"]
)
def test_a_name_that_nothing_is_called_there_is_404_or_422(known: TestClient, name: str) -> None:
    for path in (f"/v0.1/servers/{name}/versions", f"/v0.1/servers/{name}/versions/latest"):
        answer = known.get(path)
        assert answer.status_code in (404, 422), path
        assert set(answer.json()) >= {"error", "message"}


def test_a_deleted_server_is_shown_to_who_asks_for_it(known: TestClient) -> None:
    path = "/v0.1/servers/acme/gone/versions"
    assert entries(known, path, include_deleted="true") == [GONE]
    latest = known.get(f"{path}/latest", params={"include_deleted": "true"}).json()
    assert latest["_meta"][OFFICIAL]["status"] == "deleted"


def test_what_is_unlisted_or_has_no_name_there_is_not_told(
    running_registry: Registry, known: TestClient
) -> None:
    known.patch("/servers/acme/weather", json={"unlisted": True})
    publish(known, "under_score/weather")
    reader = running_registry.client(running_registry.new_principal()[1])
    assert entries(reader) == [TIDES]
    assert reader.get(f"/v0.1/servers/{NAME}/versions").status_code == 404
    assert known.get(f"/v0.1/servers/{NAME}/versions").status_code == 200


def test_what_the_publisher_says_is_apart_from_what_the_registry_knows(known: TestClient) -> None:
    known.patch("/servers/acme/tides", json={"verified": True, "license": "MIT"})
    found = known.get("/v0.1/servers/acme%2Ftides/versions/latest").json()
    assert found["server"] == {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "acme/tides",
        "title": "tides",
        "description": ("Tides " * 30)[:99] + "…",
        "version": "3.0.0",
        "repository": {"url": "https://github.com/acme/tides", "source": "github"},
        "websiteUrl": "https://acme.test",
        "icons": [{"src": "https://acme.test/i.png"}],
        "packages": [
            {
                "registryType": "npm",
                "identifier": "tides",
                "version": "3.0.0",
                "transport": {"type": "stdio"},
            }
        ],
    }
    ours = found["_meta"]["mooring/registry"]
    assert (ours["qualifiedName"], ours["verified"], ours["hosting"], ours["license"]) == (
        "acme/tides",
        True,
        "here",
        "MIT",
    )


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "Zm9v"}, "cursor"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"updated_since": "2025-01-01T00:00:00"}, "updated_since"),
        ({"include_deleted": "perhaps"}, "include_deleted"),
        ({"search": "x" * 201}, "search"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(http: TestClient, params: dict[str, str], field: str) -> None:
    answer = http.get("/v0.1/servers", params=params)
    assert answer.status_code == 422
    assert field in answer.json()["message"]
