"""ministack, the emulator that stands in for AWS, and the clients that talk to it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from mooring_local import processes

_START_SECONDS = 20.0
_HEALTH = "/_ministack/health"
_PROGRAM = Path(sys.executable).parent / "ministack"
REGION = "us-east-1"


class EmulatorFailed(RuntimeError):
    """The emulator did not start; the text says where its log is."""


class Emulator:
    """One ministack process on `port` of the loopback interface. Its memory is all it has.

    `program` may be another environment's. `variables` are for what it emulates, beside its own.
    """

    def __init__(
        self,
        port: int,
        log: Path,
        access_key: str,
        secret_key: str,
        *,
        services: str = "dynamodb,dynamodbstreams",
        program: Path = _PROGRAM,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._log = log
        self._credentials = {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
        self._program = program
        self._environment = {
            "PATH": str(program.parent),
            **(variables or {}),
            "GATEWAY_PORT": str(port),
            "EDGE_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",  # or it listens on a port for each of these two as well
            "SFTP_ENABLED": "0",
            "SERVICES": services,
            "LOG_LEVEL": "WARNING",
        }
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return processes.spawn([str(self._program)], self._environment, self._log)

    def start_again(self) -> None:
        """Replace a process that has died; what it held is gone."""
        processes.close_input(self.process)
        self.process = self._spawn()

    def wait_until_ready(self) -> None:
        """Return when it answers.

        Raises:
            EmulatorFailed: it ended, or took longer than 20 s.
        """
        if not processes.answers(self.process, ("127.0.0.1", self._port), _HEALTH, seconds=_START_SECONDS):
            raise EmulatorFailed(f"the emulator did not start; its log is {self._log}")

    def stop(self) -> None:
        """End it, and what it has started, without giving it time."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        processes.close_input(self.process)

    def client(self, service: str) -> Any:
        """Return a boto3 client of `service` on this emulator."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=Config(retries={"max_attempts": 2}, max_pool_connections=64),
            **self._credentials,
        )
