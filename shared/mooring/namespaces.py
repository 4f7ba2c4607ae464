"""Who may publish new servers in a namespace: whoever published there first.

A namespace is the part of a server's name before the slash. It is an item of the catalog's table.
"""

import time
from collections.abc import Collection
from typing import Any

from mooring.clock import Clock, iso8601
from mooring.dynamodb import from_item, to_item

_KEYS_AT_ONCE = 100  # of BatchGetItem
_PREFIX = "namespace#"  # no name of a server has a "#"

Write = dict[str, Any]
"""One action of TransactWriteItems."""


class Namespaces:
    """`client` is a boto3 DynamoDB client. Names of namespaces are in lower case."""

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def owner(self, namespace: str) -> str | None:
        """Return the principal that owns a namespace; None: nobody has published there."""
        answer = self._client.get_item(TableName=self._table, Key=_key(namespace), ConsistentRead=True)
        return from_item(answer["Item"])["owner"] if "Item" in answer else None

    def owners(self, namespaces: Collection[str]) -> dict[str, str]:
        """Return the owners of those that have one."""
        names = sorted(namespaces)
        found: dict[str, str] = {}
        for start in range(0, len(names), _KEYS_AT_ONCE):
            keys = [_key(name) for name in names[start : start + _KEYS_AT_ONCE]]
            pending = {self._table: {"Keys": keys, "ConsistentRead": True}}
            while pending:
                answer = self._client.batch_get_item(RequestItems=pending)
                for item in answer["Responses"].get(self._table, ()):
                    found[item["server"]["S"].removeprefix(_PREFIX)] = item["owner"]["S"]
                pending = answer.get("UnprocessedKeys")
        return found

    def of(self, principal: str) -> list[str]:
        """Return the namespaces of a principal, sorted. Reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#item = :namespace AND #owner = :principal",
            ExpressionAttributeNames={"#item": "item", "#owner": "owner"},
            ExpressionAttributeValues={":namespace": {"S": "namespace"}, ":principal": {"S": principal}},
        )
        items = [item for page in pages for item in page["Items"]]
        return sorted(item["server"]["S"].removeprefix(_PREFIX) for item in items)

    def claim(self, namespace: str, owner: str) -> Write:
        """Return the write that makes `owner` the first; it fails if there is one."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": self._item(namespace, owner),
                "ConditionExpression": "attribute_not_exists(#server)",
                "ExpressionAttributeNames": {"#server": "server"},
            }
        }

    def take(self, namespace: str, owner: str, before: str | None) -> Write:
        """Return the write that makes `owner` the owner; it fails if that is not `before` by then."""
        unchanged = "#owner = :before" if before else "attribute_not_exists(#owner)"
        condition: dict[str, Any] = {
            "ConditionExpression": unchanged,
            "ExpressionAttributeNames": {"#owner": "owner"},
        }
        if before:
            condition["ExpressionAttributeValues"] = {":before": {"S": before}}
        return {"Put": {"TableName": self._table, "Item": self._item(namespace, owner), **condition}}

    def give(self, namespace: str, owner: str) -> None:
        """Make `owner` the owner, whoever was it."""
        self._client.put_item(TableName=self._table, Item=self._item(namespace, owner))

    def _item(self, namespace: str, owner: str) -> dict[str, Any]:
        return _key(namespace) | to_item({"owner": owner, "since": iso8601(self._clock())})


def _key(namespace: str) -> dict[str, Any]:
    return {"server": {"S": _PREFIX + namespace}, "item": {"S": "namespace"}}
