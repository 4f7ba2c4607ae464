"""The catalog: the record of servers and their releases, in DynamoDB.

A server is one item that holds its current release, so that a connect costs one GetItem; every release is
kept beside it as history. A change reads the record, and writes it only if nobody else did in between.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mooring.clock import Clock, iso8601
from mooring.dynamodb import size_bytes
from mooring.errors import Conflict, InvalidRequest, ServerNotFound
from mooring.names import display, normalise
from mooring.servers import Release, Server, release_item, server_from_item, server_item

_ATTEMPTS = 2
_KNOWN_SERVERS = 100  # an item may have 400 KB
_MAX_ITEM_BYTES = 409_600  # DynamoDB's limit, names of attributes included


class Catalog:
    """`client` is a boto3 DynamoDB client; names may come in any case and with a leading `@`.

    What `get` returns may be `fresh_seconds` old: sessions start in bursts, and the next one may as well have
    begun that much earlier.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        usage_table: str,
        clock: Clock = time.time,
        *,
        fresh_seconds: float = 0.0,
    ) -> None:
        self._client = client
        self._table = table
        self._usage_table = usage_table
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._known: dict[str, tuple[float, Server]] = {}
        """By name: until when it is fresh, and the server."""

    def get(self, name: str) -> Server:
        """Return a server with its current release.

        Raises:
            ServerNotFound: there is none of that name.
            InvalidRequest: the name is none.
        """
        key = normalise(name)
        until, server = self._known.get(key, (0.0, None))
        if server is None or until <= self._clock():
            server = self._read(key)
            if server is None:
                raise _not_found(name)
            self._remember(key, server)
        return server

    def list(self) -> list[Server]:
        """Return every server, in no order."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#item = :server",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":server": {"S": "server"}},
        )
        return [server_from_item(item) for page in pages for item in page["Items"]]

    def use_count(self, server: Server) -> int:
        """Return how many tool calls the server has answered."""
        answer = self._client.get_item(TableName=self._usage_table, Key={"server": {"S": server.name}})
        return _count(answer.get("Item", {}))

    def use_counts(self) -> dict[str, int]:
        """Return the counts of every server that was ever used, by `Server.name`."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._usage_table)
        return {item["server"]["S"]: _count(item) for page in pages for item in page["Items"]}

    def put_server(self, name: str, about: Mapping[str, str], release: Release | None = None) -> Server:
        """Create a server, or replace what its publisher says about it; `version` 1 is a new one.

        `about` are display_name, description, homepage, repository and license. A `release` that differs from
        the current one becomes the current one. The scan, and the release where none is given, stay.

        Raises:
            Conflict: others kept changing the same server.
            InvalidRequest: the name is none, or the record is too large.
        """

        def change(known: Server | None) -> Server:
            now = iso8601(self._clock())
            known = known or Server(
                qualified_name=display(name), display_name="", created_at=now, updated_at=now, version=0
            )
            return replace(
                known,
                display_name=about.get("display_name") or known.qualified_name.partition("/")[2],
                description=about.get("description", ""),
                homepage=about.get("homepage", ""),
                repository=about.get("repository", ""),
                license=about.get("license", ""),
                release=self._current(known.release, release),
            )

        return self._change(name, change)

    def patch(self, name: str, changes: Mapping[str, Any]) -> Server:
        """Set some fields of a server: what is said about it, or the tools, prompts and resources of a scan.

        Raises:
            ServerNotFound, Conflict, InvalidRequest: as `get` and `put_server`.
        """

        def change(known: Server | None) -> Server:
            if known is None:
                raise _not_found(name)
            return replace(known, **changes)

        return self._change(name, change)

    def delete(self, name: str) -> None:
        """Remove a server and the history of its releases.

        Raises:
            ServerNotFound: there is none of that name.
        """
        server = normalise(name)
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_item_key(server, "server"),
                ConditionExpression="attribute_exists(#server)",
                ExpressionAttributeNames={"#server": "server"},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise _not_found(name) from error
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#server = :server AND begins_with(#item, :release)",
            ProjectionExpression="#server, #item",
            ExpressionAttributeNames={"#server": "server", "#item": "item"},
            ExpressionAttributeValues={":server": {"S": server}, ":release": {"S": "release#"}},
        )
        for page in pages:
            for key in page["Items"]:
                self._client.delete_item(TableName=self._table, Key=key)

    def _remember(self, key: str, server: Server) -> None:
        if self._fresh_seconds:
            if len(self._known) >= _KNOWN_SERVERS:
                self._known.clear()
            self._known[key] = (self._clock() + self._fresh_seconds, server)

    def _read(self, key: str, *, consistent: bool = False) -> Server | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_item_key(key, "server"), ConsistentRead=consistent
        )
        return server_from_item(answer["Item"]) if "Item" in answer else None

    def _current(self, known: Release | None, wanted: Release | None) -> Release | None:
        """Return the release to have after `wanted` was put: the known one when it is the same."""
        if wanted is None:
            return known
        if known and release_item(replace(wanted, id=known.id, created_at=known.created_at)) == release_item(
            known
        ):
            return known
        now = self._clock()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        return replace(wanted, id=f"{stamp}-{secrets.token_hex(4)}", created_at=iso8601(now))

    def _change(self, name: str, change: Callable[[Server | None], Server]) -> Server:
        key = normalise(name)
        for _ in range(_ATTEMPTS):
            known = self._read(key, consistent=True)
            changed = replace(
                change(known),
                version=known.version + 1 if known else 1,
                updated_at=iso8601(self._clock()),
            )
            try:
                self._write(known, changed)
            except self._client.exceptions.TransactionCanceledException as error:
                if not _lost_race(error):
                    raise
                continue
            return changed
        raise Conflict(f"{name} is being changed by somebody else; look at it again, then retry")

    def _write(self, known: Server | None, changed: Server) -> None:
        item = server_item(changed)
        size = size_bytes(item)
        if size > _MAX_ITEM_BYTES:
            raise InvalidRequest(
                f"what is known of {changed.qualified_name} would take {size} bytes of {_MAX_ITEM_BYTES}; "
                "shorten the descriptions and schemas of its tools, prompts and resources"
            )
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if known:
            put["ConditionExpression"] = "#version = :known"
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":known": {"N": str(known.version)}}
        else:
            put["ConditionExpression"] = "attribute_not_exists(#server)"
            put["ExpressionAttributeNames"] = {"#server": "server"}
        writes = [{"Put": put}]
        release = changed.release
        if release and (known is None or known.release != release):
            history = {**_item_key(changed.name, f"release#{release.id}"), **release_item(release)}
            writes.append({"Put": {"TableName": self._table, "Item": history}})
        self._client.transact_write_items(TransactItems=writes)


def _item_key(server: str, item: str) -> dict[str, Any]:
    return {"server": {"S": server}, "item": {"S": item}}


def _lost_race(cancelled: Any) -> bool:
    codes = {reason["Code"] for reason in cancelled.response["CancellationReasons"]}
    return codes <= {"None", "ConditionalCheckFailed", "TransactionConflict"}


def _count(item: Mapping[str, Any]) -> int:
    return int(item["use_count"]["N"]) if "use_count" in item else 0


def _not_found(name: str) -> ServerNotFound:
    return ServerNotFound(f"there is no server {name}; GET /servers?q= finds those there are")
