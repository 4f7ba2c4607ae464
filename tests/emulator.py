"""A ministack of one's own: real DynamoDB, streams, KMS and S3 APIs in a process that tests may wreck."""

import contextlib
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

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_SERVICES = "dynamodb,dynamodbstreams,kms,s3"


@dataclass(frozen=True)
class Emulator:
    url: str

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to take this for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @contextlib.contextmanager
    def client(self, service: str) -> Iterator[Any]:
        """Give a boto3 client whose sockets are closed at the end."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        try:
            yield client
        finally:
            client.close()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """Run an emulator; its log is in `folder`."""
    port = _free_port()
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": _SERVICES,
        "LOG_LEVEL": "WARNING",
    }
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(process, port)
            yield Emulator(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/_ministack/health")
            connection.getresponse()
            return
        except (OSError, HTTPException):
            time.sleep(0.02)  # there is nothing to wait on but the port
        finally:
            connection.close()
    raise AssertionError("the emulator did not start; see its log")
