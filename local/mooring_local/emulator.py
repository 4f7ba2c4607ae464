"""ministack, the emulator that stands in for DynamoDB, and the clients that talk to it."""

import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mooring_local import processes

_START_SECONDS = 20.0
_SERVICES = "dynamodb,dynamodbstreams"
REGION = "us-east-1"


class EmulatorFailed(RuntimeError):
    """The emulator did not start; the text says where its log is."""


class Emulator:
    """One ministack process on `port` of the loopback interface. Its memory is all it has."""

    def __init__(self, port: int, log: Path, access_key: str, secret_key: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._log = log
        self._credentials = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": str(Path(sys.executable).parent),
            "GATEWAY_PORT": str(self._port),
            "EDGE_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",  # or it listens on a port for each of these two as well
            "SFTP_ENABLED": "0",
            "SERVICES": _SERVICES,
            "LOG_LEVEL": "WARNING",
        }
        return processes.spawn([str(Path(sys.executable).parent / "ministack")], environment, self._log)

    def start_again(self) -> None:
        """Replace a process that has died; what it held is gone."""
        self.process = self._spawn()

    def wait_until_ready(self) -> None:
        """Return when it answers.

        Raises:
            EmulatorFailed: it ended, or took longer than 20 s.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=1)
            try:
                connection.request("GET", "/_ministack/health")
                connection.getresponse()
                return
            except (OSError, HTTPException):
                time.sleep(0.02)  # there is nothing to wait on but the port
            finally:
                connection.close()
        raise EmulatorFailed(f"the DynamoDB emulator did not start; its log is {self._log}")

    def client(self, service: str) -> Any:
        """Return a boto3 client of `service` on this emulator."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=Config(retries={"max_attempts": 2}, max_pool_connections=64),
            **self._credentials,
        )
