"""What the registry refuses over HTTP, and what it says then."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring.catalog import Catalog
from mooring.registry_api import create_app
from tests.integration.registry import LAUNCH, Registry, listed, publish

JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": -1}, "page"),
        ({"page": "x"}, "page"),
        ({"pageSize": 0}, "pageSize"),
        ({"pageSize": 101}, "pageSize"),
        ({"pageSize": 1.5}, "pageSize"),
        ({"q": "q" * 1001}, "q"),
    ],
)
def test_a_query_parameter_out_of_bounds_is_named_with_its_bound(
    http: TestClient, params: dict[str, Any], field: str
) -> None:
    answer = http.get("/servers", params=params)
    assert answer.status_code == 422
    body = answer.json()
    assert body["error"] == "InvalidRequest"
    assert body["message"].startswith(f"{field} must ")
    assert [problem["field"] for problem in body["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"display_name": "x"}, "display_name"),
        ({"homepage": "javascript:alert(1)"}, "homepage"),
        ({"release": {}}, "release.launch"),
        ({"release": {"launch": {"command": ""}}}, "release.launch.command"),
        ({"release": {"launch": {**LAUNCH, "args": [1]}}}, "release.launch.args.0"),
        ({"release": {"launch": {**LAUNCH, "commandFunction": "x"}}}, "release.launch.commandFunction"),
        ({"release": {"launch": LAUNCH, "bundle": "../etc"}}, "release.bundle"),
        ({"description": "\ud800"}, "description"),
    ],
)
def test_a_field_that_is_wrong_is_named(http: TestClient, body: dict[str, Any], field: str) -> None:
    answer = http.put("/servers/acme/weather", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["errors"]]
    assert listed(http) == []


def test_a_command_function_is_published_alone(http: TestClient) -> None:
    for launch, is_taken in (({"commandFunction": "x", "cwd": "${bundle}"}, True), ({"cwd": "."}, False)):
        body = json.dumps({"release": {"launch": launch}})
        answer = http.put("/servers/acme/computed", content=body, headers=JSON)
        assert answer.is_success == is_taken


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": {"a": {"type": "text"}}},
        {"properties": {"a": {"$ref": "http://127.0.0.1/x"}}},
        {"default": "\ud800"},
    ],
)
def test_a_config_schema_that_cannot_be_used_is_not_published(
    http: TestClient, schema: dict[str, Any]
) -> None:
    body = json.dumps({"release": {"launch": LAUNCH, "configSchema": schema}})
    answer = http.put("/servers/acme/weather", content=body, headers=JSON)
    assert answer.status_code == 422
    assert "onfigSchema" in answer.json()["message"] or "config_schema" in answer.json()["message"]
    assert listed(http) == []


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b"null", b"\xff", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_client_error(http: TestClient, content: bytes) -> None:
    answer = http.put("/servers/acme/weather", content=content, headers=JSON)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()) >= {"error", "message"}


def test_a_scan_too_large_for_the_record_says_so(http: TestClient) -> None:
    publish(http, "acme/weather")
    answer = http.patch(
        "/servers/acme/weather", json={"tools": [{"name": "t", "description": "x" * 410_000}]}
    )
    assert answer.status_code == 422
    assert "409600" in answer.json()["message"]
    assert http.get("/servers/acme/weather").json()["tools"] is None


def test_an_unknown_server_is_not_found(http: TestClient) -> None:
    answer = http.get("/servers/acme/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"] == "ServerNotFound"


@pytest.mark.parametrize(
    "path", ["weather", "a/b/c", "acme/%00", "acme/ünï", "", "@", "%2F", "..%2F..%2Fetc"]
)
def test_a_name_that_is_none_is_a_client_error(http: TestClient, path: str) -> None:
    answer = http.get(f"/servers/{path}")
    assert answer.status_code in (404, 422)
    assert set(answer.json()) >= {"error", "message"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/docs", 404), ("POST", "/servers", 405), ("GET", "/tickets", 405)],
)
def test_a_route_that_is_not_there_answers_in_the_one_shape(
    http: TestClient, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"] == {404: "NotFound", 405: "MethodNotAllowed"}[status]
    assert method in answer.json()["message"]


def test_what_nobody_expected_is_a_500_without_detail(running_registry: Registry) -> None:
    app = create_app(
        Catalog(running_registry.dynamodb, "no-such-table", "mooring-usage"),
        running_registry.editor,
        running_registry.keys,
        running_registry.tickets,
        running_registry.profiles,
        ws_url="wss://host",
        public_url="https://host",
    )
    headers = {"Authorization": f"Bearer {running_registry.admin_key}"}
    answer = TestClient(app, raise_server_exceptions=False).get("/servers", headers=headers)
    assert answer.status_code == 500
    assert answer.json() == {"error": "InternalError", "message": "something went wrong here; try again"}
