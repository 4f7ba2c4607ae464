"""POST /servers/batch (`mooring.server_batches`): many servers at once, each judged on its own."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.registry import LAUNCH, Registry, publish

pytestmark = pytest.mark.integration

SOURCE = {"registry": "https://registry.test"}


def bring(http: TestClient, *entries: Any, **options: Any) -> list[tuple[Any, str]]:
    answer = http.post("/servers/batch", json={"servers": entries, **options})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert sum(body["counts"].values()) == len(body["results"]) == len(entries)
    return [(result["qualifiedName"], result["outcome"]) for result in body["results"]]


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"qualifiedName": name, "source": {**SOURCE, "name": name}, **more}


def test_each_entry_is_told_what_became_of_it(running_registry: Registry, http: TestClient) -> None:
    bring(http, entry("acme/kept"), entry("acme/changed", description="old"), entry("acme/gone"))
    assert bring(
        http,
        entry("@Acme/New", description="new", hosted=True),
        entry("acme/kept"),
        entry("acme/changed", description="new"),
        entry("acme/gone", deleted=True),
        entry("acme/never", deleted=True),
        {"qualifiedName": "no name"},
        {"qualifiedName": "acme/wrong", "displayname": "x"},
        {"qualifiedName": 3},
        "nothing at all",
        entry("@ACME/new"),
    ) == [
        ("Acme/New", "created"),
        ("acme/kept", "unchanged"),
        ("acme/changed", "updated"),
        ("acme/gone", "deleted"),
        ("acme/never", "unchanged"),
        ("no name", "invalid"),
        ("acme/wrong", "invalid"),
        (None, "invalid"),
        (None, "invalid"),
        ("@ACME/new", "invalid"),
    ]
    listed = {server.qualified_name for server in running_registry.catalog.listed()}
    assert listed == {"Acme/New", "acme/changed", "acme/kept"}


def test_the_reason_names_the_field(running_registry: Registry, http: TestClient) -> None:
    entries = [
        {"qualifiedName": "acme/a", "displayName": "x" * 201},
        {"qualifiedName": "acme/b", "configSchema": {"type": "array"}},
        {"qualifiedName": "acme/c", "release": {"launch": {"command": "x"}, "configSchema": {"type": 3}}},
        {"qualifiedName": "acme/d", "tools": [{"description": "x" * 410_000}]},
        {"qualifiedName": "acme/e", "remotes": [{"type": "stdio", "url": "https://x"}]},
        {"qualifiedName": "acme/f", "keywords": ["\ud800"]},
    ]
    # Half of a surrogate pair is text of JSON, and no text of UTF-8.
    content = json.dumps({"servers": entries}).encode()
    headers = {"Content-Type": "application/json"}
    results = http.post("/servers/batch", content=content, headers=headers).json()["results"]
    assert [result["outcome"] for result in results] == ["invalid"] * 6
    for result, field in zip(
        results,
        ("displayName", "configSchema", "configSchema", "409600", "remotes.0.type", "keywords.0"),
        strict=True,
    ):
        assert field in result["reason"]
    assert list(running_registry.catalog.listed()) == []


@pytest.mark.parametrize(
    "body", [{}, {"servers": []}, {"servers": [{}] * 101}, {"servers": {}}, {"servers": [{}], "more": 1}, []]
)
def test_a_batch_that_is_none_is_refused_as_a_whole(http: TestClient, body: Any) -> None:
    assert http.post("/servers/batch", json=body).status_code == 422


def test_a_hundred_at_once_are_brought_in_and_found_unchanged(
    running_registry: Registry, http: TestClient
) -> None:
    entries = [entry(f"n{number}/server", description="d", tools=[{"name": "t"}]) for number in range(100)]
    assert {outcome for _, outcome in bring(http, *entries)} == {"created"}
    assert {outcome for _, outcome in bring(http, *entries)} == {"unchanged"}
    assert len(list(running_registry.catalog.listed())) == 100


def test_what_is_not_of_the_import_is_kept_unless_it_may_be_overwritten(
    running_registry: Registry, http: TestClient
) -> None:
    publisher = running_registry.client(running_registry.keys.create("ada", "publisher")[1])
    publish(publisher, "acme/published", description="by its publisher", release={"launch": LAUNCH})
    bring(http, entry("acme/imported"), entry("acme/deleted"))
    http.delete("/servers/acme/deleted")
    theirs = {"qualifiedName": "acme/imported", "source": {"registry": "https://other.test"}}
    entries = [entry("acme/published"), theirs, entry("acme/deleted")]
    results = http.post("/servers/batch", json={"servers": entries}).json()["results"]
    assert [(result["outcome"], result["reason"].partition(" ")[2]) for result in results[:2]] == [
        ("kept", "was published here"),
        ("kept", "was imported from https://registry.test"),
    ]
    assert results[2]["outcome"] == "kept"
    assert http.get("/servers/acme/published").json()["description"] == "by its publisher"
    outcomes = [outcome for _, outcome in bring(http, *entries, overwrite=True)]
    assert outcomes == ["updated", "updated", "created"]
    assert http.get("/servers/acme/published").json()["hosting"] == "here"


def test_what_came_back_where_it_is_from_comes_back_here(http: TestClient) -> None:
    bring(http, entry("acme/a"))
    assert bring(http, entry("acme/a", deleted=True)) == [("acme/a", "deleted")]
    assert http.get("/servers/acme/a").status_code == 404
    assert bring(http, entry("acme/a", deleted=True)) == [("acme/a", "unchanged")]
    assert bring(http, entry("acme/a")) == [("acme/a", "created")]
    assert http.get("/servers/acme/a").status_code == 200


def test_an_import_takes_namespaces_that_are_nobody_s(running_registry: Registry, http: TestClient) -> None:
    ada = running_registry.client(running_registry.keys.create("ada", "publisher", "ada")[1])
    publish(ada, "hers/first")
    bring(http, entry("hers/second"), entry("free/one"), entry("free/two"))
    owners = [http.get(f"/servers/{name}").json()["owner"] for name in ("hers/second", "free/one")]
    assert owners[0] == "ada"
    assert owners[1] not in (None, "ada")
    assert ada.put("/servers/free/three", json={}).status_code == 403
