"""How a record of the catalog is written: only if nobody else did since it was read, with its history."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from mooring.catalog import item_key
from mooring.clock import Clock, iso8601
from mooring.dynamodb import Item, size_bytes
from mooring.errors import Conflict, InvalidRequest
from mooring.names import normalise
from mooring.namespaces import Write
from mooring.servers import Server, past_version_item, release_item, server_from_item, server_item

Outcome = Literal["created", "updated", "unchanged", "deleted"]
Change = Callable[[Server | None], Server]
"""Returns the server to have, of the one there is; may be called again, with another."""

_ATTEMPTS = 2
_MAX_ITEM_BYTES = 409_600  # DynamoDB's limit, names of attributes included
_KEYS_AT_ONCE = 100  # of BatchGetItem


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change has done, and the record as it is now."""

    outcome: Outcome
    server: Server


class Records:
    """`client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def many(self, names: Iterable[str]) -> dict[str, Server]:
        """Return what is kept of those names, by `Server.name`; tombstones too."""
        wanted = sorted({normalise(name) for name in names})
        found: dict[str, Server] = {}
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            keys = [item_key(name, "server") for name in wanted[start : start + _KEYS_AT_ONCE]]
            pending = {self._table: {"Keys": keys, "ConsistentRead": True}}
            while pending:
                answer = self._client.batch_get_item(RequestItems=pending)
                for item in answer["Responses"].get(self._table, ()):
                    found[item["server"]["S"]] = server_from_item(item)
                pending = answer.get("UnprocessedKeys")
        return found

    def change(
        self,
        name: str,
        change: Change,
        also: Callable[[Server], list[Write]] = lambda changed: [],
        *,
        known: Mapping[str, Server] | None = None,
    ) -> Edit:
        """Write what `change` makes of a record, together with what is to be written `also`.

        `known` are records that have just been read; the first attempt believes them.

        Raises:
            Conflict: others kept changing the same record.
            InvalidRequest: the name is none, or the record gets too large.
        """
        key = normalise(name)
        for attempt in range(_ATTEMPTS):
            before = known.get(key) if known is not None and attempt == 0 else self._read(key)
            changed = change(before)
            if before == changed:
                return Edit("unchanged", changed)
            changed = replace(
                changed, version=before.version + 1 if before else 1, updated_at=iso8601(self._clock())
            )
            try:
                self._write(before, changed, also(changed))
            except self._client.exceptions.ConditionalCheckFailedException:
                continue
            except self._client.exceptions.TransactionCanceledException as error:
                if not _lost_race(error):
                    raise
                continue
            return Edit(_outcome(before, changed), changed)
        raise Conflict(f"{name} is being changed by somebody else; look at it again, then retry")

    def forget_history(self, server: Server) -> None:
        """Remove the releases and versions that were kept of a server before it was deleted."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#server = :server",
            ProjectionExpression="#server, #item",
            ExpressionAttributeNames={"#server": "server", "#item": "item"},
            ExpressionAttributeValues={":server": {"S": server.name}},
        )
        for page in pages:
            for key in page["Items"]:
                if key["item"]["S"] != "server":
                    self._client.delete_item(TableName=self._table, Key=key)

    def _read(self, key: str) -> Server | None:
        answer = self._client.get_item(
            TableName=self._table, Key=item_key(key, "server"), ConsistentRead=True
        )
        return server_from_item(answer["Item"]) if "Item" in answer else None

    def _write(self, before: Server | None, changed: Server, also: list[Write]) -> None:
        put = {"TableName": self._table, "Item": _sized(server_item(changed)), **_unchanged_since(before)}
        history = [{"Put": {"TableName": self._table, "Item": item}} for item in _history(before, changed)]
        if history or also:
            self._client.transact_write_items(TransactItems=[{"Put": put}, *history, *also])
        else:
            self._client.put_item(**put)


def _sized(item: Item) -> Item:
    size = size_bytes(item)
    if size > _MAX_ITEM_BYTES:
        raise InvalidRequest(
            f"what is known of {item['qualified_name']['S']} would take {size} bytes of {_MAX_ITEM_BYTES}; "
            "shorten the descriptions and schemas of its tools, prompts and resources"
        )
    return item


def _unchanged_since(before: Server | None) -> dict[str, Any]:
    if before is None:
        return {
            "ConditionExpression": "attribute_not_exists(#server)",
            "ExpressionAttributeNames": {"#server": "server"},
        }
    return {
        "ConditionExpression": "#version = :known",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":known": {"N": str(before.version)}},
    }


def _history(before: Server | None, changed: Server) -> list[Item]:
    items = []
    release = changed.release
    if release and (before is None or before.release != release):
        items.append({**item_key(changed.name, f"release#{release.id}"), **release_item(release)})
    if before and before.version_name != changed.version_name and _is_same_server(before, changed):
        items.append(_sized(past_version_item(before)))
    return items


def _is_same_server(before: Server, changed: Server) -> bool:
    """Return False when the name has got a new owner, or had no version yet."""
    is_reused = before.deleted_at and before.owner != changed.owner
    return not is_reused and bool(before.stated_version or before.release)


def _outcome(before: Server | None, changed: Server) -> Outcome:
    if changed.deleted_at:
        return "deleted"
    return "updated" if before and not before.deleted_at else "created"


def _lost_race(cancelled: Any) -> bool:
    codes = {reason["Code"] for reason in cancelled.response["CancellationReasons"]}
    return codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}
