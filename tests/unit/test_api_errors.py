import logging
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from mooring import api_errors
from mooring.errors import Conflict, LimitReached, MooringError, Unauthorized, WorkerUnavailable

SECRET = "sk-9f8e7d6c"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    port: Annotated[int, Field(le=65_535)] = 80
    token: Annotated[str, Field(max_length=3)] = ""
    kind: Annotated[str, Field(pattern="^a+$")] = "a"
    on: bool = True


class Body(BaseModel):
    inner: Inner
    names: list[str] = []


@pytest.fixture
def http() -> TestClient:
    app = FastAPI()
    api_errors.install(app)

    @app.post("/things")
    def things(body: Body, size: Annotated[int, Query(alias="pageSize", le=100)] = 1) -> None:
        pass

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError(SECRET)

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("params", "body", "message"),
    [
        ({"pageSize": 101}, {"inner": {}}, "pageSize must be less than or equal to 100"),
        ({}, {}, "inner is required"),
        ({}, {"inner": 5}, "inner must be a valid dictionary or object to extract fields from"),
        (
            {},
            {"inner": {"port": SECRET}},
            "inner.port must be a valid integer, unable to parse string as an integer",
        ),
        ({}, {"inner": {"token": SECRET}}, "inner.token must have at most 3 characters"),
        ({}, {"inner": {"kind": SECRET}}, "inner.kind must match pattern '^a+$'"),
        ({}, {"inner": {"more": SECRET}}, "inner.more is not a known field"),
        ({}, {"inner": {}, "names": ["a", 1]}, "names.1 must be a valid string"),
        ({}, None, "the body is required"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_must_be_and_not_with_what_it_is(
    http: TestClient, params: dict[str, Any], body: Any, message: str
) -> None:
    answer = http.post("/things", params=params, json=body)
    assert answer.status_code == 422
    assert answer.json()["message"] == message
    assert SECRET not in answer.text


def test_every_wrong_field_is_told_at_once(http: TestClient) -> None:
    answer = http.post("/things", params={"pageSize": 0.5}, json={"inner": {"port": 70_000, "on": "maybe"}})
    assert [problem["field"] for problem in answer.json()["errors"]] == ["pageSize", "inner.port", "inner.on"]


def test_a_body_that_is_not_json_says_so(http: TestClient) -> None:
    answer = http.post(
        "/things", content=b"{" + SECRET.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"] == "InvalidRequest"
    assert "is not valid JSON" in answer.json()["message"]
    assert SECRET not in answer.text


def test_what_nobody_expected_is_logged_and_not_told(
    http: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = http.get("/fails")
    assert answer.status_code == 500
    assert answer.json() == {"error": "InternalError", "message": "something went wrong here; try again"}


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Unauthorized("no"), {"www-authenticate": "Bearer"}),
        (WorkerUnavailable("full", {"retryAfterSeconds": 2}), {"retry-after": "2"}),
        (LimitReached("slow down", {"retryAfterSeconds": 30}), {"retry-after": "30"}),
        (Conflict("race"), {}),
    ],
)
def test_an_error_brings_the_headers_that_belong_to_it(error: MooringError, headers: dict[str, str]) -> None:
    response = api_errors.answer(error)
    assert response.status_code == error.http_status
    sent = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    assert sent == headers
