"""One build and one deployment for all tests here: ministack is the cloud.

It runs the functions with this machine's Python, so the layers are built for that.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.cloud.deployment import REGION, ROOT, SAM_ENVIRONMENT, STACK, Deployment, run_tool

EMULATOR_SERVICES = (
    "apigatewayv2,apigateway,cloudformation,dynamodb,iam,kms,lambda,logs,s3,secretsmanager,sts"
)
START_SECONDS = 20.0
BUILD_SECONDS = 120.0
DEPLOY_SECONDS = 120.0


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def build(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what `sam build` made."""
    folder = tmp_path_factory.mktemp("build")
    run_tool(["sam", "build", "--build-dir", str(folder)], environment, BUILD_SECONDS)
    return folder


@pytest.fixture(scope="session")
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
        "AUTH": "true",  # functions may do what their roles allow, and no more
        "IOT_MTLS_ENABLED": "0",  # it would take port 8883, which is not ours to take
        "SFTP_ENABLED": "0",
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
        os.killpg(process.pid, signal.SIGKILL)
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


@pytest.fixture(scope="session")
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
