"""The registry on Lambda: `functions/registry_api` with API Gateway's events."""

import asyncio
import base64
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from mooring.keys import KeyTable
from mooring_local import handlers, tables
from tests import emulator
from tests.integration.registry import put_server
from tests.unit.functions.loading import event

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulator.Emulator]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as aws:
        yield aws


@pytest.fixture(scope="module")
def key(aws: emulator.Emulator) -> Iterator[str]:
    """The key of a client, on tables that know one server."""
    with aws.client("dynamodb") as dynamodb:
        tables.create(dynamodb)
        put_server(dynamodb, "Acme/Weather")
        yield KeyTable(dynamodb, tables.name("keys")).create("ada", "client")[1]


@pytest.fixture
def function(aws: emulator.Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    variables = {
        **aws.variables,
        "MOORING_WS_URL": "wss://host",
        "MOORING_SECRET_KEY": base64.b64encode(bytes(32)).decode(),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield handlers.module("registry_api")
    asyncio.get_event_loop_policy().get_event_loop().close()  # Mangum opens one when it is imported
    asyncio.set_event_loop(None)


def answer(function: ModuleType, case: str, key: str | None = None) -> dict[str, Any]:
    request = event(f"registry_api/{case}")
    if key:
        request["headers"]["authorization"] = f"Bearer {key}"
    answered: dict[str, Any] = function.handler(request, None)
    return answered


def test_a_list_is_answered(function: ModuleType, key: str) -> None:
    answered = answer(function, "list", key)
    assert answered["statusCode"] == 200
    assert answered["headers"]["content-type"] == "application/json"
    body = json.loads(answered["body"])
    assert [server["qualifiedName"] for server in body["servers"]] == ["Acme/Weather"]
    assert body["pagination"]["pageSize"] == 5


def test_a_name_is_found_when_api_gateway_leaves_its_slash_encoded(function: ModuleType, key: str) -> None:
    """Whether HTTP APIs decode the path is not documented; both forms work."""
    encoded = answer(function, "get", key)
    assert encoded["statusCode"] == 200
    assert json.loads(encoded["body"])["qualifiedName"] == "Acme/Weather"


def test_a_request_without_a_key_is_refused_as_json(function: ModuleType, key: str) -> None:
    answered = answer(function, "unauthorized")
    assert answered["statusCode"] == 401
    assert answered["headers"]["www-authenticate"] == "Bearer"
    assert json.loads(answered["body"])["error"] == "Unauthorized"


def test_a_tool_of_the_registry_is_called_twice(function: ModuleType, key: str) -> None:
    """Nothing is started before the first request, and nothing of it is in the way of the second."""
    for _ in range(2):
        answered = answer(function, "mcp", key)
        assert answered["statusCode"] == 200
        result = json.loads(answered["body"])["result"]
        assert result["structuredContent"]["qualifiedName"] == "Acme/Weather"


def test_a_publisher_is_given_an_address_to_upload_a_bundle_to(
    aws: emulator.Emulator, key: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws.client("s3") as s3, aws.client("dynamodb") as dynamodb:
        s3.create_bucket(Bucket="bundles-of-the-function")
        publisher = KeyTable(dynamodb, tables.name("keys")).create("eve", "publisher")[1]
    monkeypatch.setenv("MOORING_BUNDLES", "s3://bundles-of-the-function/bundles")
    monkeypatch.setenv("MOORING_WORKER_PLATFORM", "linux-aarch64")

    answered = answer(request.getfixturevalue("function"), "bundle", publisher)

    assert answered["statusCode"] == 201
    url = json.loads(answered["body"])["upload"]["url"]
    assert url.startswith(f"{aws.url}/bundles-of-the-function/bundles/5dde2e2c")
