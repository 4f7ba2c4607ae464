"""The tools that deploy, and a stack that they have deployed to the emulator."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[2]
SAM_ENVIRONMENT = ROOT / ".venv-sam" / "bin"
TEMPLATE = ROOT / "template.yaml"
STACK = "mooring-test"
REGION = "us-east-1"


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


def http_event(
    method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what API Gateway's HTTP API hands to a function (payload format 2.0)."""
    path, _, query = path.partition("?")
    about = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": ""}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "registry.test", "content-type": "application/json", **headers},
        "requestContext": {"http": about, "requestId": "r1", "stage": "$default"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
