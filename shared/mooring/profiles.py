"""Profiles: session configurations that a principal has stored, sealed, to name them in a connect URL.

A configuration goes in and is only ever read by the platform itself: nothing gives it back.
"""

import re
import time
from typing import Any

from mooring import documents
from mooring.clock import Clock, iso8601
from mooring.dynamodb import from_item, to_item
from mooring.errors import InvalidRequest
from mooring.keys import Principal
from mooring.sealing import Sealer

NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

_NAME = re.compile(NAME_PATTERN)


class ProfileTable:
    """`client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str, sealer: Sealer, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._sealer = sealer
        self._clock = clock

    def put(self, principal: Principal, name: str, config: dict[str, Any]) -> None:
        """Store `config` under `name`, in place of what is there.

        Raises:
            InvalidRequest: the name is none, or the configuration is too large to be sealed.
        """
        text = documents.encode(config, "config")
        row = {
            **_key(principal, name),
            "config": self._sealer.seal(text.encode(), principal=principal.id, name=name),
            "updated_at": iso8601(self._clock()),
        }
        self._client.put_item(TableName=self._table, Item=to_item(row))

    def get(self, principal: Principal, name: str) -> dict[str, Any]:
        """Return a stored configuration, for the start of a session.

        Raises:
            InvalidRequest: the principal has no profile of that name.
            InvalidConfig: what is stored cannot be opened any more.
        """
        answer = self._client.get_item(TableName=self._table, Key=to_item(_key(principal, name)))
        if "Item" not in answer:
            raise InvalidRequest(f"profile: you have none named {name}; PUT /profiles/{name} stores one")
        sealed = from_item(answer["Item"])["config"]
        config: dict[str, Any] = documents.decode(
            self._sealer.unseal(sealed, principal=principal.id, name=name).decode()
        )
        return config

    def names(self, principal: Principal) -> list[str]:
        """Return the names of the principal's profiles, sorted."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="principal = :principal",
            ExpressionAttributeValues={":principal": {"S": principal.id}},
            ProjectionExpression="#profile",
            ExpressionAttributeNames={"#profile": "profile"},
        )
        return [item["profile"]["S"] for page in pages for item in page["Items"]]

    def delete(self, principal: Principal, name: str) -> None:
        """Forget a profile; an unknown one is no error."""
        self._client.delete_item(TableName=self._table, Key=to_item(_key(principal, name)))


def _key(principal: Principal, name: str) -> dict[str, str]:
    if not _NAME.fullmatch(name):
        raise InvalidRequest("a profile's name has letters, digits, '.', '_' and '-', at most 64")
    return {"principal": principal.id, "profile": name}
