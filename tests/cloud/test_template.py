"""template.yaml: accepted by the linters, built by `sam build`, taken by `sam deploy`, and then running."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mooring.keys import KeyTable
from mooring_local import tables
from tests.cloud.deployment import REGION, ROOT, STACK, TEMPLATE, Deployment, http_event, run_tool

pytestmark = pytest.mark.integration

_MAX_UNPACKED_BYTES = 262_144_000  # Lambda quota "deployment package, unzipped", layers included


def test_cfn_lint_finds_nothing(environment: dict[str, str]) -> None:
    run_tool(["cfn-lint", str(TEMPLATE)], environment, 60)


def test_sam_validate_finds_nothing(environment: dict[str, str]) -> None:
    run_tool(["sam", "validate", "--lint"], environment, 60)


@pytest.mark.parametrize(
    "function",
    [
        "WsConnect",
        "WsDefault",
        "WsDisconnect",
        "SessionReaper",
        "RegistryApi",
        "RegistryImport",
        "CatalogIndexer",
        "WorkerCallback",
        "ReleaseBuilder",
    ],
)
def test_a_function_finds_all_that_it_imports_in_its_layers(build: Path, function: str) -> None:
    """A Python without installed packages (-S) sees only the function and its layers, as in Lambda."""
    is_registry = function.startswith(("Registry", "Catalog", "Release"))
    layers = ["SharedLayer", "RegistryLayer" if is_registry else "RuntimeLayer"]
    paths = [str(build / f"{function}Function"), *(str(build / layer / "python") for layer in layers)]
    program = f"import sys; sys.path[:0] = {paths!r}; import app; assert callable(app.handler)"
    variables = {
        "AWS_DEFAULT_REGION": REGION,
        "MOORING_CONNECTIONS_URL": "https://connections.test/live",
        "MOORING_KMS_KEY_ID": "key",
        "MOORING_WORKER_SECRET": "secret",
        **{f"MOORING_{name}": f"s3://bucket/{name}" for name in ("BUILD_FILES", "BUNDLES", "UPLOADS")},
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", ["layers/runtime", "layers/registry"])
def test_what_a_layer_pins_is_what_the_tests_run_with(folder: str) -> None:
    project = pinned(ROOT / "requirements.lock")
    assert not pinned(ROOT / folder / "requirements.lock") - project


def pinned(lock: Path) -> set[str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}


def test_the_stack_is_complete(deployment: Deployment) -> None:
    (stack,) = deployment.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs.keys() == {
        *(
            "Bundles",
            "ConnectionsUrl",
            "DistributionDomain",
            "KeysTable",
            "RegistryUrl",
            "Url",
            "WebSocketUrl",
        )
    }
    assert outputs["WebSocketUrl"].startswith("wss://")


@pytest.mark.parametrize(
    ("table", "keys", "ttl", "is_streamed"),
    [
        ("CatalogTable", ["server", "item"], None, True),
        ("KeysTable", ["key_hash"], None, True),
        ("TicketsTable", ["ticket_hash"], "expires_at", False),
        ("ProfilesTable", ["principal", "profile"], None, True),
        ("SessionsTable", ["id"], "expires_at", False),
        ("WorkersTable", ["worker_id"], "expires_at", False),
        ("UsageTable", ["server"], None, True),
        ("ReleasesTable", ["server", "item"], "expires_at", True),
    ],
)
def test_a_table_has_its_keys_its_expiry_and_its_stream(
    deployment: Deployment, table: str, keys: list[str], ttl: str | None, is_streamed: bool
) -> None:
    """Known gap: the emulator's CloudFormation leaves expiry out, so that is read in the template."""
    dynamodb = deployment.client("dynamodb")
    name = deployment.resources[table]
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert [key["AttributeName"] for key in described["KeySchema"]] == keys
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    expiry = tables.definitions(TEMPLATE)[table.removesuffix("Table").lower()].get("TimeToLiveSpecification")
    assert expiry == (ttl and {"AttributeName": ttl, "Enabled": True})
    stream = described.get("StreamSpecification", {})
    assert stream.get("StreamViewType") == ("NEW_IMAGE" if is_streamed else None)


def test_the_websocket_api_has_the_three_routes_each_with_its_function(deployment: Deployment) -> None:
    gateway = deployment.client("apigatewayv2")
    api = deployment.resources["WebSocketApi"]
    routes = {route["RouteKey"]: route["Target"] for route in gateway.get_routes(ApiId=api)["Items"]}
    integrations = {
        f"integrations/{integration['IntegrationId']}": integration["IntegrationUri"]
        for integration in gateway.get_integrations(ApiId=api)["Items"]
    }
    functions = {"$connect": "WsConnect", "$default": "WsDefault", "$disconnect": "WsDisconnect"}
    assert routes.keys() == functions.keys()
    for route, function in functions.items():
        assert deployment.resources[f"{function}Function"] in integrations[routes[route]]


def test_the_registry_asks_for_a_key(deployment: Deployment) -> None:
    answer = deployment.invoke("RegistryApiFunction", http_event("GET", "/servers", {}))
    assert answer["statusCode"] == 401
    assert answer["headers"]["www-authenticate"].startswith("Bearer")


def test_the_registry_answers_who_has_a_key(deployment: Deployment) -> None:
    keys = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"])
    _, secret = keys.create("test", "client")
    event = http_event("GET", "/servers", {"authorization": f"Bearer {secret}"})
    answer = deployment.invoke("RegistryApiFunction", event)
    assert answer["statusCode"] == 200, answer
    assert "servers" in json.loads(answer["body"])


def test_a_handshake_without_a_key_is_refused(deployment: Deployment) -> None:
    event = {
        "headers": {"Host": "ws.test"},
        "requestContext": {
            "connectionId": "L0SM9cOFvHcCIhw=",
            "eventType": "CONNECT",
            "routeKey": "$connect",
        },
        "queryStringParameters": {"_server": "demo/time"},
        "isBase64Encoded": False,
    }
    assert deployment.invoke("WsConnectFunction", event)["statusCode"] == 401


@pytest.mark.parametrize("layer", ["RuntimeLayer", "RegistryLayer"])
def test_a_function_with_its_layers_is_within_what_lambda_unpacks(build: Path, layer: str) -> None:
    parts = [build / layer, build / "SharedLayer", *build.glob("*Function")]
    assert len(parts) > 5
    unpacked_bytes = sum(file.stat().st_size for part in parts for file in part.rglob("*") if file.is_file())
    assert unpacked_bytes < _MAX_UNPACKED_BYTES
