"""A ministack of one's own: real DynamoDB, streams, KMS and S3 APIs in a process that tests may wreck."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from mooring_local import emulator, processes

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
    log = folder / "emulator.log"
    process = emulator.Emulator(processes.free_port(), log, "test", "test", services=_SERVICES)
    try:
        process.wait_until_ready()
        yield Emulator(process.url)
    finally:
        process.stop()
