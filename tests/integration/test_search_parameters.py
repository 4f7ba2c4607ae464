"""The parameters of GET /servers and GET /tools over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration import registry
from tests.integration.registry import LAUNCH, Registry, listed, publish

pytestmark = pytest.mark.integration

FORECAST = {"name": "get_forecast", "description": "Forecast of a place", "inputSchema": {"type": "object"}}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with registry.running(tmp_path_factory.mktemp("registry")) as one:
        fill(one)
        yield one.client()


def fill(one: Registry) -> None:
    http = one.client()
    publish(
        http,
        "Acme/Weather",
        description="Forecasts for sailors",
        repository="https://github.com/acme-corp/tools",
        release={"launch": LAUNCH},
        tools=[FORECAST, {"name": "stations"}],
        useCount=3,
    )
    publish(http, "acme/tides", description="Tides for sailors", verified=True, useCount=2)
    publish(
        http,
        "other/maps",
        description="Maps for hikers",
        remotes=[{"type": "http", "url": "https://maps.test/mcp"}],
        tools=[{"name": "find_forecast_maps"}],
        useCount=1,
    )


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"repoOwner": "acme-corp"}, ["Acme/Weather"]),
        ({"repoName": "Tools"}, ["Acme/Weather"]),
        ({"namespace": "Acme"}, ["Acme/Weather", "acme/tides"]),
        ({"isDeployed": "1"}, ["Acme/Weather", "other/maps"]),
        ({"isDeployed": "false"}, ["acme/tides"]),
        ({"verified": "true"}, ["acme/tides"]),
        ({"remote": "0"}, ["acme/tides"]),
        ({"ids": ["acme/tides,@Other/Maps", "acme/none"]}, ["other/maps", "acme/tides"]),
        ({"topK": 2}, ["Acme/Weather", "other/maps"]),
        ({"seed": 7}, ["Acme/Weather", "other/maps", "acme/tides"]),
        ({"q": "sailors", "namespace": "acme", "isDeployed": "0"}, ["acme/tides"]),
    ],
)
def test_a_parameter_narrows_the_list_down(
    http: TestClient, parameters: dict[str, Any], names: list[str]
) -> None:
    assert listed(http, **{"q": "", **parameters}) == names


def test_top_k_caps_the_total(http: TestClient) -> None:
    pagination = http.get("/servers", params={"topK": 2, "pageSize": 1}).json()["pagination"]
    assert pagination == {"currentPage": 1, "pageSize": 1, "totalPages": 2, "totalCount": 2}


def test_fields_are_all_that_an_entry_has(http: TestClient) -> None:
    answer = http.get("/servers", params={"fields": ["qualifiedName,useCount", "nothing"], "topK": 1}).json()
    assert answer["servers"] == [{"qualifiedName": "Acme/Weather", "useCount": "3"}]


def test_words_have_a_score_and_what_they_matched(http: TestClient) -> None:
    (entry,) = http.get("/servers", params={"q": "hikers"}).json()["servers"]
    assert entry["score"] > 0
    assert entry["matched"] == ["hikers"]
    assert {entry["score"] for entry in http.get("/servers").json()["servers"]} == {None}


def test_the_header_is_only_there_when_names_are_all_that_was_compared(http: TestClient) -> None:
    assert "x-mooring-search" not in http.get("/servers").headers


def test_a_tool_is_found_across_servers(http: TestClient) -> None:
    body = http.get("/tools", params={"q": "forecast of a place"}).json()
    first = body["tools"][0]
    assert first.pop("score") > 0
    assert first == {"server": "acme/weather", **FORECAST, "matched": ["forecast", "place"]}
    assert body["pagination"]["totalCount"] == len(body["tools"]) == 2


def test_tools_take_the_same_filters_and_pages(http: TestClient) -> None:
    narrowed = http.get("/tools", params={"q": "forecast owner:other lang:python"}).json()
    assert [tool["name"] for tool in narrowed["tools"]] == ["find_forecast_maps"]
    assert narrowed["unknownFilters"] == ["lang:python"]
    everything = [
        http.get("/tools", params={"page": page, "pageSize": 1}).json()["tools"][0]["name"]
        for page in (1, 2, 3)
    ]
    assert everything == ["get_forecast", "stations", "find_forecast_maps"]
    assert http.get("/tools", params={"page": 99999999999999999999}).json()["tools"] == []


@pytest.mark.parametrize("path", ["/servers", "/tools"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "q" * 10_000},
        {"page": 0},
        {"page": "x"},
        {"pageSize": 101},
        {"isDeployed": "maybe"},
        {"namespace": "n" * 201},
        {"ids": ",".join(["a/b"] * 501)},
    ],
    ids=str,
)
def test_a_wrong_value_is_named(http: TestClient, path: str, parameters: dict[str, Any]) -> None:
    answer = http.get(path, params=parameters)
    assert answer.status_code == 422
    assert next(iter(parameters)) in answer.json()["message"]


@pytest.mark.parametrize("parameters", [{"topK": 0}, {"topK": 501}, {"seed": "x"}])
def test_a_wrong_value_of_the_list_is_named(http: TestClient, parameters: dict[str, Any]) -> None:
    answer = http.get("/servers", params=parameters)
    assert answer.status_code == 422
    assert next(iter(parameters)) in answer.json()["message"]


@pytest.mark.parametrize("path", ["/servers", "/tools"])
@pytest.mark.parametrize(
    "q",
    [
        *(
            '"',
            "*",
            "NEAR(a b)",
            "a AND",
            "NOT",
            "%",
            "\x00\x1f\x7f",
            "é😀 \u202e",
            "' OR 1=1 --",
            ":",
            "a/b/c",
        ),
        *(
            "^$.*+",
            "\ud7ff\ue000",
            "x" * 1000,
            "a " * 500,
            "owner:",
            'repo:"',
            "0",
            "/",
            "@",
            "@/",
            "日本語 weather",
        ),
    ],
)
def test_any_text_gets_a_right_answer(http: TestClient, path: str, q: str) -> None:
    answer = http.get(path, params={"q": q})
    assert answer.status_code == 200
    assert answer.json()["pagination"]["totalCount"] == len(answer.json()[path[1:]])
