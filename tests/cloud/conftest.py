"""One build and one deployment for all tests here: ministack is the cloud.

It runs the functions with this machine's Python, so the layers are built for that.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring_local import processes
from mooring_local.emulator import Emulator
from tests.cloud.deployment import REGION, ROOT, SAM_ENVIRONMENT, STACK, Deployment, run_tool

EMULATOR_SERVICES = (
    "apigatewayv2,apigateway,cloudformation,cloudfront,codebuild,dynamodb,dynamodbstreams,ec2,ecs,events,iam,kms,lambda,"
    "logs,monitoring,s3,secretsmanager,sns,sqs,sts"
)
# The emulator knows no egress-only gateway and no alarm on an expression; other tests build the images.
PARAMETERS = (
    *("FunctionEgress=endpoints", "Alarms=false"),
    *("WorkerImage=mooring-worker", "BuilderImage=mooring-builder"),
)
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
    emulator = Emulator(
        processes.free_port(),
        tmp_path_factory.mktemp("emulator") / "log",
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        services=EMULATOR_SERVICES,
        program=SAM_ENVIRONMENT / "ministack",
        # Functions may do what their roles allow, and no more. Tasks are not its to run: it has no Docker.
        variables={**environment, "AUTH": "true", "DOCKER_HOST": "unix:///nonexistent"},
    )
    try:
        emulator.wait_until_ready()
        yield emulator.url
    finally:
        emulator.stop()


@pytest.fixture(scope="session")
def deployment(environment: dict[str, str], build: Path, emulator: str) -> Deployment:
    run_tool(
        [
            *("sam", "deploy", "--template-file", str(build / "template.yaml"), "--stack-name", STACK),
            *("--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", *PARAMETERS),
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
