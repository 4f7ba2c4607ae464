"""GET, PUT, PATCH and DELETE /servers over HTTP, on DynamoDB's API: one server, pages and searches."""

import pytest
from fastapi.testclient import TestClient

from tests.integration.registry import LAUNCH, Registry, listed, publish

pytestmark = pytest.mark.integration


def test_a_list_has_the_shape_of_the_contract_and_then_later_fields(
    running_registry: Registry, http: TestClient
) -> None:
    publish(http, "Acme/Popular", displayName="Popular", description="Forecasts", release={"launch": LAUNCH})
    running_registry.dynamodb.put_item(
        TableName="mooring-usage", Item={"server": {"S": "acme/popular"}, "use_count": {"N": "42"}}
    )
    body = http.get("/servers").json()
    (listed,) = body.pop("servers")
    assert body == {"pagination": {"currentPage": 1, "pageSize": 10, "totalPages": 1, "totalCount": 1}}
    created_at = listed["createdAt"]
    assert created_at.endswith("Z")
    assert created_at[10] == "T"
    assert list(listed.items())[:7] == [
        ("qualifiedName", "Acme/Popular"),
        ("displayName", "Popular"),
        ("description", "Forecasts"),
        ("homepage", "https://host/server/Acme/Popular"),
        ("useCount", "42"),
        ("isDeployed", True),
        ("createdAt", created_at),
    ]


def test_a_deployed_server_says_how_to_connect(http: TestClient) -> None:
    schema = {"type": "object", "properties": {"apiKey": {"type": "string"}}, "required": ["apiKey"]}
    release = {"bundle": "sha-1", "launch": LAUNCH, "configSchema": schema, "package": "npm:weather@1.2.3"}
    publish(
        http, "acme/weather", release=release, repository="https://github.com/acme/weather", license="MIT"
    )
    detail = http.get("/servers/acme/weather").json()
    assert (
        detail.items()
        >= {
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
        }.items()
    )


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
