"""The rows of MicroVMs in the Workers table. They have nothing to write them with; others do."""

from typing import Any

from mooring.limits import encode
from mooring.workers import Worker, worker_from

_TEXTS = ("worker_id", "address", "session_id", "server")
_NUMBERS = ("used", "capacity", "lease", "started_at")


class MicrovmRows:
    """`client` is a boto3 DynamoDB client, or anything with its three calls."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def announce(self, machine: Worker) -> None:
        """Write the row of a MicroVM, which stays until its session is over."""
        self._client.put_item(
            TableName=self._table,
            Item={
                **{name: {"S": getattr(machine, name)} for name in _TEXTS},
                **{name: {"N": f"{getattr(machine, name):.0f}"} for name in _NUMBERS},
                **{f"{scope}s": {"S": encode(uses)} for scope, uses in machine.uses.items()},
                "engine": {"S": "microvm"},
                "draining": {"BOOL": machine.draining},
                "expires_at": {"N": f"{machine.lease:.0f}"},
            },
        )

    def get(self, microvm_id: str) -> Worker | None:
        """Return a MicroVM as its row is now."""
        answer = self._client.get_item(
            TableName=self._table, Key={"worker_id": {"S": microvm_id}}, ConsistentRead=True
        )
        machine = worker_from(answer["Item"]) if "Item" in answer else None
        return machine if machine and machine.is_microvm else None

    def forget(self, microvm_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key={"worker_id": {"S": microvm_id}})
