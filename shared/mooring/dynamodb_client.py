"""DynamoDB for functions on the path of a session: the calls that the tables make, as boto3 has them.

The registry, which loads more than boto3 anyway and writes in transactions, gives the same tables a boto3
client.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from mooring.aws_json import AwsError, AwsService
from mooring.settings import AwsSettings

Answer = dict[str, Any]


class ConditionalCheckFailedException(AwsError):
    """A write's condition does not hold."""


class _Exceptions:
    ClientError = AwsError
    ConditionalCheckFailedException = ConditionalCheckFailedException


class DynamoDBClient:
    """Keyword arguments and answers are those of boto3's low-level client. Safe to share between threads."""

    exceptions = _Exceptions

    def __init__(self, aws: AwsSettings) -> None:
        self._service = AwsService(
            "dynamodb",
            aws.dynamodb_url,
            aws,
            content_type="application/x-amz-json-1.0",
            target_prefix="DynamoDB_20120810",
            errors={"ConditionalCheckFailedException": ConditionalCheckFailedException},
        )

    def get_item(self, **parameters: Any) -> Answer:
        return self._call("GetItem", parameters)

    def put_item(self, **parameters: Any) -> Answer:
        return self._call("PutItem", parameters)

    def update_item(self, **parameters: Any) -> Answer:
        return self._call("UpdateItem", parameters)

    def delete_item(self, **parameters: Any) -> Answer:
        return self._call("DeleteItem", parameters)

    def scan(self, **parameters: Any) -> Answer:
        return self._call("Scan", parameters)

    def query(self, **parameters: Any) -> Answer:
        return self._call("Query", parameters)

    def get_paginator(self, operation: str) -> "_Pages":
        """Return what pages through `scan` or `query`."""
        return _Pages(self, {"scan": "Scan", "query": "Query"}[operation])

    def _call(self, operation: str, parameters: Answer) -> Answer:
        answer: Answer = json.loads(self._service.call(operation, parameters), object_hook=_binary)
        return answer


class _Pages:
    def __init__(self, client: DynamoDBClient, operation: str) -> None:
        self._client = client
        self._operation = operation

    def paginate(self, **parameters: Any) -> Iterator[Answer]:
        """Give one page after the other, each fetched when it is asked for."""
        while True:
            page = self._client._call(self._operation, parameters)
            yield page
            if "LastEvaluatedKey" not in page:
                break
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _binary(attribute: Answer) -> Answer:
    """Decode `{"B": "..."}`; an attribute that is named B has an object for its value."""
    value = attribute.get("B")
    return {"B": base64.b64decode(value)} if isinstance(value, str) else attribute
