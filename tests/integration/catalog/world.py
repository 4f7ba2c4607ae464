"""What the tests of the catalog share beside fixtures."""

from collections.abc import Callable
from typing import Any

from mooring.servers import Server
from mooring_local import tables

Put = Callable[..., Server]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def kept(dynamodb: Any, server: str) -> list[str]:
    """Return the range keys of everything that is kept of a server."""
    answer = dynamodb.query(
        TableName=tables.name("catalog"),
        KeyConditionExpression="#server = :server",
        ExpressionAttributeNames={"#server": "server"},
        ExpressionAttributeValues={":server": {"S": server}},
    )
    return [item["item"]["S"].partition("#")[0] for item in answer["Items"]]
