"""GET and PUT /servers over HTTP, on DynamoDB's API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring.catalog import Catalog
from mooring.registry_api import create_app
from tests.integration import registry
from tests.integration.registry import LAUNCH, Registry

JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        yield one


@pytest.fixture
def http(running: Registry) -> Iterator[TestClient]:
    yield running.client()
    running.forget_servers()


def publish(http: TestClient, name: str, **body: Any) -> dict[str, Any]:
    answer = http.put(f"/servers/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text
    published: dict[str, Any] = answer.json()
    return published


def listed(http: TestClient, q: str = "", **params: Any) -> list[str]:
    answer = http.get("/servers", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [server["qualifiedName"] for server in answer.json()["servers"]]


def test_a_list_has_the_shape_of_the_contract_and_nothing_else(running: Registry, http: TestClient) -> None:
    publish(http, "Acme/Popular", displayName="Popular", description="Forecasts", release={"launch": LAUNCH})
    running.dynamodb.put_item(
        TableName="mooring-usage", Item={"server": {"S": "acme/popular"}, "use_count": {"N": "42"}}
    )
    body = http.get("/servers").json()
    created_at = body["servers"][0].pop("createdAt")
    assert created_at.endswith("Z")
    assert created_at[10] == "T"
    assert body == {
        "servers": [
            {
                "qualifiedName": "Acme/Popular",
                "displayName": "Popular",
                "description": "Forecasts",
                "homepage": "https://host/server/Acme/Popular",
                "useCount": "42",
                "isDeployed": True,
            }
        ],
        "pagination": {"currentPage": 1, "pageSize": 10, "totalPages": 1, "totalCount": 1},
    }


def test_a_deployed_server_says_how_to_connect(http: TestClient) -> None:
    schema = {"type": "object", "properties": {"apiKey": {"type": "string"}}, "required": ["apiKey"]}
    release = {"bundle": "sha-1", "launch": LAUNCH, "configSchema": schema, "package": "npm:weather@1.2.3"}
    publish(
        http, "acme/weather", release=release, repository="https://github.com/acme/weather", license="MIT"
    )
    detail = http.get("/servers/acme/weather").json()
    del detail["createdAt"]
    assert detail == {
        "qualifiedName": "acme/weather",
        "displayName": "weather",
        "description": "",
        "homepage": "https://host/server/acme/weather",
        "repository": "https://github.com/acme/weather",
        "license": "MIT",
        "useCount": "0",
        "isDeployed": True,
        "deploymentUrl": "https://host/acme/weather",
        "connections": [
            {"type": "ws", "url": "wss://host/acme/weather/ws", "configSchema": schema},
            {"type": "stdio", "package": "npm:weather@1.2.3", "configSchema": schema},
        ],
        "iconUrl": None,
        "security": None,
        "tools": None,
        "prompts": None,
        "resources": None,
    }


def test_a_server_that_is_only_listed_has_no_connections(http: TestClient) -> None:
    detail = publish(http, "acme/listed")
    assert (detail["isDeployed"], detail["deploymentUrl"], detail["connections"]) == (False, None, [])


@pytest.mark.parametrize(
    "path",
    [
        "Acme/Weather",
        "acme/weather",
        "@acme/weather",
        "ACME%2FWeather",
        "%40Acme%2FWeather",
        "acme%252Fweather",
    ],
)
def test_a_name_is_found_however_it_is_spelt(http: TestClient, path: str) -> None:
    publish(http, "Acme/Weather")
    answer = http.get(f"/servers/{path}")
    assert answer.status_code == 200
    assert answer.json()["qualifiedName"] == "Acme/Weather"


def test_a_second_put_changes_what_is_said_and_keeps_the_rest(http: TestClient) -> None:
    first = publish(
        http, "Acme/Weather", description="old", homepage="https://acme.test", release={"launch": LAUNCH}
    )
    http.patch("/servers/acme/weather", json={"tools": [{"name": "forecast"}]})
    answer = http.put("/servers/@ACME/weather", json={"description": "new"})
    assert answer.status_code == 200
    second = answer.json()
    assert second["description"] == "new"
    assert second["homepage"] == "https://host/server/Acme/Weather"
    assert second["tools"] == [{"name": "forecast"}]
    for kept in ("qualifiedName", "createdAt", "isDeployed"):
        assert second[kept] == first[kept]


def test_creating_and_replacing_answer_differently(http: TestClient) -> None:
    assert http.put("/servers/acme/weather", json={}).status_code == 201
    assert http.put("/servers/acme/weather", json={}).status_code == 200


def test_patch_sets_only_the_fields_it_names(http: TestClient) -> None:
    publish(http, "acme/weather", displayName="Weather", description="old")
    changed = http.patch(
        "/servers/acme%2Fweather", json={"description": "new", "prompts": [], "resources": [{"uri": "x:y"}]}
    ).json()
    assert changed["displayName"] == "Weather"
    assert (changed["description"], changed["tools"], changed["prompts"]) == ("new", None, [])
    assert http.get("/servers/acme/weather").json() == changed


def test_a_deleted_server_is_gone(http: TestClient) -> None:
    publish(http, "acme/weather", release={"launch": LAUNCH})
    answer = http.delete("/servers/Acme%2FWeather")
    assert (answer.status_code, answer.content) == (204, b"")
    assert listed(http) == []
    assert http.delete("/servers/acme/weather").status_code == 404
    assert http.patch("/servers/acme/weather", json={}).status_code == 404


def test_pages_are_cut_from_one_stable_order(http: TestClient) -> None:
    names = [f"acme/s{number:02}" for number in range(23)]
    for name in reversed(names):
        publish(http, name)
    order = listed(http, pageSize=100)
    pages = [listed(http, pageSize=5, page=page) for page in range(1, 6)]
    assert [name for page in pages for name in page] == order
    assert sorted(order) == names
    assert http.get("/servers", params={"pageSize": 5}).json()["pagination"] == {
        "currentPage": 1,
        "pageSize": 5,
        "totalPages": 5,
        "totalCount": 23,
    }


def test_a_page_past_the_end_is_empty_and_no_error(http: TestClient) -> None:
    """The Smithery SDK asks for pages until one is empty."""
    publish(http, "acme/weather")
    answer = http.get("/servers", params={"page": 99999999999999999999})
    assert answer.status_code == 200
    assert answer.json()["servers"] == []
    assert answer.json()["pagination"]["totalCount"] == 1


def test_an_empty_catalog_has_no_pages(http: TestClient) -> None:
    assert http.get("/servers").json()["pagination"] == {
        "currentPage": 1,
        "pageSize": 10,
        "totalPages": 0,
        "totalCount": 0,
    }


def test_filters_and_text_are_combined_in_q(http: TestClient) -> None:
    publish(http, "acme/weather", description="Forecasts for sailors", release={"launch": LAUNCH})
    publish(http, "acme/tides", description="Tides for sailors")
    publish(http, "other/fetch", repository="https://github.com/acme/weather-tools")
    assert listed(http, "sailors") == ["acme/weather", "acme/tides"]
    assert listed(http, "is:deployed owner:acme sailors") == ["acme/weather"]
    assert listed(http, "repo:weather-tools") == ["other/fetch"]
    assert listed(http, "owner:nobody") == []


def test_an_unknown_filter_is_reported(http: TestClient) -> None:
    publish(http, "acme/weather")
    body = http.get("/servers", params={"q": "lang:python is:shiny weather"}).json()
    assert body["unknownFilters"] == ["lang:python", "is:shiny"]
    assert len(body["servers"]) == 1


@pytest.mark.parametrize(
    "q", ['"', "*", "NEAR", "a AND b", "%", "\x00\x1f", "é😀", "' OR 1=1 --", "owner:", ":", "q" * 1000]
)
def test_odd_queries_are_only_text(http: TestClient, q: str) -> None:
    assert listed(http, q) == []


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


def test_what_nobody_expected_is_a_500_without_detail(running: Registry) -> None:
    app = create_app(
        Catalog(running.dynamodb, "no-such-table", "mooring-usage"),
        running.keys,
        running.tickets,
        running.profiles,
        ws_url="wss://host",
        public_url="https://host",
    )
    headers = {"Authorization": f"Bearer {running.admin_key}"}
    answer = TestClient(app, raise_server_exceptions=False).get("/servers", headers=headers)
    assert answer.status_code == 500
    assert answer.json() == {"error": "InternalError", "message": "something went wrong here; try again"}
