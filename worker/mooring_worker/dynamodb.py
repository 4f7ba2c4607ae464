"""The DynamoDB calls a worker makes: its JSON 1.0 protocol, signed, on the worker's own HTTP client."""

import json
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from mooring.http1 import Client
from mooring.settings import AwsSettings
from mooring_worker.identity import Identity

Item = dict[str, Any]
"""As DynamoDB writes it: `{"name": {"S": "text"}, "count": {"N": "1"}}`."""

_TIMEOUT_SECONDS = 5.0
_NOT_VALID = (b"ExpiredToken", b"UnrecognizedClientException", b"InvalidSignatureException")


class DynamoDBError(OSError):
    """DynamoDB cannot be reached, or refused a call."""


class RowMissing(DynamoDBError):
    """The row that was to be changed is not there (any more)."""


class Table(Protocol):
    """The writes of a worker, whoever carries them out. Each raises DynamoDBError."""

    async def put(self, table: str, item: Item) -> None: ...
    async def delete(self, table: str, key: Item) -> None: ...
    async def delete_own(self, table: str, key: Item, attribute: str, owner: str) -> None: ...
    async def add(self, table: str, key: Item, attribute: str, amount: int) -> None: ...
    async def set_texts(self, table: str, key: Item, attribute: str, texts: Sequence[str]) -> None: ...


class DynamoDB:
    def __init__(self, aws: AwsSettings, identity: Identity) -> None:
        self._client = Client(aws.dynamodb_url, connections=2)
        self._path = urlsplit(aws.dynamodb_url).path or "/"
        self._identity = identity
        self._signer = identity.signer("dynamodb")

    async def put(self, table: str, item: Item) -> None:
        """Write `item`. Raises DynamoDBError, as do the others."""
        await self._call("PutItem", {"TableName": table, "Item": item})

    async def delete(self, table: str, key: Item) -> None:
        await self._call("DeleteItem", {"TableName": table, "Key": key})

    async def delete_own(self, table: str, key: Item, attribute: str, owner: str) -> None:
        """Delete a row whose `attribute` is the text `owner`; raises RowMissing when there is none."""
        await self._call(
            "DeleteItem",
            {
                "TableName": table,
                "Key": key,
                "ConditionExpression": "#attribute = :owner",
                "ExpressionAttributeNames": {"#attribute": attribute},
                "ExpressionAttributeValues": {":owner": {"S": owner}},
            },
        )

    async def add(self, table: str, key: Item, attribute: str, amount: int) -> None:
        """Add `amount` to a number, which counts as 0 while it is absent."""
        await self._call(
            "UpdateItem",
            {
                "TableName": table,
                "Key": key,
                "UpdateExpression": "ADD #attribute :amount",
                "ExpressionAttributeNames": {"#attribute": attribute},
                "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
            },
        )

    async def set_texts(self, table: str, key: Item, attribute: str, texts: Sequence[str]) -> None:
        """Write a list of texts into a row that is there; raises RowMissing when it is not."""
        (key_name,) = key
        await self._call(
            "UpdateItem",
            {
                "TableName": table,
                "Key": key,
                "UpdateExpression": "SET #attribute = :texts",
                "ConditionExpression": "attribute_exists(#key)",
                "ExpressionAttributeNames": {"#attribute": attribute, "#key": key_name},
                "ExpressionAttributeValues": {":texts": {"L": [{"S": text} for text in texts]}},
            },
        )

    async def end(self) -> None:
        await self._client.close()

    async def _call(self, operation: str, parameters: Item) -> None:
        body = json.dumps(parameters).encode()
        content = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
        }
        headers = self._signer.headers("POST", self._client.host, self._path, body, content)
        try:
            response = await self._client.request(
                "POST", self._path, headers=headers, body=body, timeout_seconds=_TIMEOUT_SECONDS
            )
        except OSError as error:
            raise DynamoDBError(f"{operation}: {error!r}") from error
        if response.status == 400 and b"ConditionalCheckFailedException" in response.body:
            raise RowMissing(operation)
        if any(name in response.body for name in _NOT_VALID):
            self._identity.note_refusal()
        if response.status != 200:
            raise DynamoDBError(f"{operation}: status {response.status}")
