"""template.yaml: accepted by the linters, built by `sam build`, taken by `sam deploy`, and running afterwards.

The cloud is ministack, which runs the functions with this machine's Python, so the layers are built for it.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import boto3
import pytest

from mooring.keys import KeyTable

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SAM_ENVIRONMENT = ROOT / ".venv-sam" / "bin"
TEMPLATE = ROOT / "template.yaml"
STACK = "mooring-test"
REGION = "us-east-1"
EMULATOR_SERVICES = (
    "apigatewayv2,apigateway,cloudformation,dynamodb,iam,kms,lambda,logs,s3,secretsmanager,sts"
)
START_SECONDS = 20.0
BUILD_SECONDS = 120.0
DEPLOY_SECONDS = 120.0


def run_tool(arguments: list[str], environment: dict[str, str], timeout_seconds: float) -> str:
    """Run one of the SAM environment's programs; its output explains a failure."""
    done = subprocess.run(
        [str(SAM_ENVIRONMENT / arguments[0]), *arguments[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of the tools: no account, nothing of the `make` that runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MAKE", "MFLAGS", "SAM_"))
    }
    return {
        **kept,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "PYTHON": sys.executable,
        "LAYER_FOR": "here",
    }


@pytest.fixture(scope="module")
def build(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what `sam build` made."""
    folder = tmp_path_factory.mktemp("build")
    run_tool(["sam", "build", "--build-dir", str(folder)], environment, BUILD_SECONDS)
    return folder


@dataclass
class Deployment:
    """A stack on the emulator."""

    endpoint: str
    resources: dict[str, str]
    """Physical ids by logical ids."""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(event)
        answer = self.client("lambda").invoke(FunctionName=self.resources[function], Payload=payload)
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result


@pytest.fixture(scope="module")
def emulator(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("emulator") / "log"
    variables = {
        **environment,
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": EMULATOR_SERVICES,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [SAM_ENVIRONMENT / "ministack"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_it_answers(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        # Its function workers are in its process group.
        os.killpg(process.pid, 9)
        process.wait(10)


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/_ministack/health")
            connection.getresponse()
            return
        except (OSError, HTTPException):
            time.sleep(0.05)  # nothing but the port tells that it is up
        finally:
            connection.close()
    raise AssertionError(log.read_text(errors="replace")[-2000:])


@pytest.fixture(scope="module")
def deployment(environment: dict[str, str], build: Path, emulator: str) -> Deployment:
    run_tool(
        [
            *("sam", "deploy", "--template-file", str(build / "template.yaml"), "--stack-name", STACK),
            *("--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset", "--no-progressbar"),
        ],
        {**environment, "AWS_ENDPOINT_URL": emulator},
        DEPLOY_SECONDS,
    )
    deployed = Deployment(emulator, {})
    pages = deployed.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            deployed.resources[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
    return deployed


def http_event(path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return what API Gateway's HTTP API hands to a function (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "registry.test", **headers},
        "requestContext": {
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "",
            },
            "requestId": "r1",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def test_cfn_lint_finds_nothing(environment: dict[str, str]) -> None:
    run_tool(["cfn-lint", str(TEMPLATE)], environment, 60)


def test_sam_validate_finds_nothing(environment: dict[str, str]) -> None:
    run_tool(["sam", "validate", "--lint"], environment, 60)


@pytest.mark.parametrize("function", ["WsConnect", "WsDefault", "WsDisconnect", "RegistryApi"])
def test_a_function_finds_all_that_it_imports_in_its_layers(build: Path, function: str) -> None:
    """A Python without installed packages (-S) sees only the function and its layers, as in Lambda."""
    layers = ["SharedLayer", "RegistryLayer" if function == "RegistryApi" else "RuntimeLayer"]
    paths = [str(build / f"{function}Function"), *(str(build / layer / "python") for layer in layers)]
    program = f"import sys; sys.path[:0] = {paths!r}; import app; assert callable(app.handler)"
    variables = {
        "AWS_DEFAULT_REGION": REGION,
        "MOORING_CONNECTIONS_URL": "https://connections.test/live",
        "MOORING_KMS_KEY_ID": "key",
        "MOORING_WORKER_SECRET": "secret",
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
    assert outputs.keys() == {"WebSocketUrl", "RegistryUrl", "ConnectionsUrl"}
    assert outputs["WebSocketUrl"].startswith("wss://")


@pytest.mark.parametrize(
    ("table", "keys", "ttl", "is_streamed"),
    [
        ("CatalogTable", ["server", "item"], None, True),
        ("KeysTable", ["key_hash"], None, True),
        ("TicketsTable", ["ticket_hash"], "expires_at", False),
        ("ProfilesTable", ["principal", "profile"], None, True),
        ("SessionsTable", ["connection_id"], "expires_at", False),
        ("WorkersTable", ["worker_id"], "expires_at", False),
        ("UsageTable", ["server"], None, True),
    ],
)
def test_a_table_has_its_keys_its_expiry_and_its_stream(
    deployment: Deployment, table: str, keys: list[str], ttl: str | None, is_streamed: bool
) -> None:
    dynamodb = deployment.client("dynamodb")
    name = deployment.resources[table]
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert [key["AttributeName"] for key in described["KeySchema"]] == keys
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry.get("AttributeName") == ttl
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
    answer = deployment.invoke("RegistryApiFunction", http_event("/servers", {}))
    assert answer["statusCode"] == 401
    assert answer["headers"]["www-authenticate"].startswith("Bearer")


def test_the_registry_answers_who_has_a_key(deployment: Deployment) -> None:
    keys = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"])
    _, secret = keys.create("test", "client")
    event = http_event("/servers", {"authorization": f"Bearer {secret}"})
    answer = deployment.invoke("RegistryApiFunction", event)
    assert answer["statusCode"] == 200, answer
    assert json.loads(answer["body"])["servers"] == []


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
