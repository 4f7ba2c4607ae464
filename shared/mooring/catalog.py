"""The catalog: the record of servers and their releases, in DynamoDB. `CatalogEditor` changes it.

A server is one item that holds its current release, so that a connect costs one GetItem; past releases and
versions are kept beside it. A deleted server is a tombstone: it is found by nobody.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mooring.clock import Clock
from mooring.dynamodb import from_item
from mooring.errors import ReleaseNotFound, ServerNotFound
from mooring.names import normalise
from mooring.servers import Release, Server, is_past_version, release_from_item, server_from_item

_KNOWN_SERVERS = 100  # an item may have 400 KB
_BRIEF = (
    *("qualified_name", "display_name", "description", "homepage", "repository", "icon_url", "owner"),
    *("verified", "remotes", "hosted_elsewhere", "uses_elsewhere", "created_at", "updated_at", "version"),
)


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
            ServerNotFound: there is none of that name, or it was deleted.
            InvalidRequest: the name is none.
        """
        key = normalise(name)
        until, server = self._known.get(key, (0.0, None))
        if server is None or until <= self._clock():
            server = self.record(name)
            if server is None or server.deleted_at:
                raise not_found(name)
            self._remember(key, server)
        return server

    def latest(self, name: str) -> Server:
        """Return a server as it is at this moment; raises as `get`."""
        server = self.record(name, is_latest=True)
        if server is None or server.deleted_at:
            raise not_found(name)
        return server

    def record(self, name: str, *, is_latest: bool = False) -> Server | None:
        """Return what is kept of a name, a tombstone too; None: it was never used.

        The record is the latest only if that is asked for: it costs twice as much.

        Raises:
            InvalidRequest: the name is none.
        """
        answer = self._client.get_item(
            TableName=self._table, Key=item_key(normalise(name), "server"), ConsistentRead=is_latest
        )
        return server_from_item(answer["Item"]) if "Item" in answer else None

    def release(self, server: Server, release_id: str) -> Release:
        """Return a release of a server, whether or not it is or ever was the current one.

        Raises:
            ReleaseNotFound: it has none of that id.
        """
        answer = self._client.get_item(
            TableName=self._table, Key=item_key(server.name, f"release#{release_id}"), ConsistentRead=True
        )
        if "Item" not in answer:
            raise ReleaseNotFound(f"{server.qualified_name} has no release {release_id[:80]}")
        return release_from_item(from_item(answer["Item"]))

    def walk(
        self, after: Mapping[str, str] | None = None, *, since: str = "", at_once: int = 1000
    ) -> Iterator[tuple[dict[str, str], Server, bool]]:
        """Go through every server and its past versions, in an order of the table's own that does not change.

        Gives the key to go on `after`, the server, and whether that is a past version of it. A server comes
        before its past versions. Tombstones and unlisted servers are among them, what has not changed `since`
        is not. Items are read `at_once`.
        """
        wanted: dict[str, Any] = {
            "TableName": self._table,
            "Limit": at_once,
            "FilterExpression": "(#item = :server OR begins_with(#item, :past)) AND updated_at >= :since",
            "ExpressionAttributeNames": {"#item": "item"},
            "ExpressionAttributeValues": {
                ":server": {"S": "server"},
                ":past": {"S": "version#"},
                ":since": {"S": since or "0"},
            },
        }
        start = item_key(after["server"], after["item"]) if after else None
        while True:
            page = self._client.scan(**wanted, **({"ExclusiveStartKey": start} if start else {}))
            for item in page["Items"]:
                key = {"server": item["server"]["S"], "item": item["item"]["S"]}
                yield key, server_from_item(item), is_past_version(item)
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def past_versions(self, server: Server) -> list[Server]:
        """Return what the server was before, the newest first; no scan is kept of it."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#server = :server AND begins_with(#item, :past)",
            ExpressionAttributeNames={"#server": "server", "#item": "item"},
            ExpressionAttributeValues={":server": {"S": server.name}, ":past": {"S": "version#"}},
        )
        past = [server_from_item(item) for page in pages for item in page["Items"]]
        past = [one for one in past if one.version_name != server.version_name]
        return sorted(past, key=lambda one: one.updated_at, reverse=True)

    def use_count(self, server: Server) -> int:
        """Return how many tool calls the server has answered, here and before it came here."""
        answer = self._client.get_item(TableName=self._usage_table, Key={"server": {"S": server.name}})
        return server.uses_elsewhere + _count(answer.get("Item", {}))

    def use_counts(self) -> dict[str, int]:
        """Return the calls counted here of every server that was ever used, by `Server.name`."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._usage_table)
        return {item["server"]["S"]: _count(item) for page in pages for item in page["Items"]}

    def calls_of(self, names: Sequence[str]) -> dict[str, int]:
        """Return the calls counted here of at most 100 servers, by name: of those anybody called."""
        items = self._items(self._usage_table, [{"server": {"S": name}} for name in names])
        return {item["server"]["S"]: _count(item) for item in items}

    def records(self, names: Collection[str]) -> dict[str, Server]:
        """Return those of at most 100 servers that are there, by `Server.name`, which the `names` are too."""
        items = self._items(self._table, [item_key(name, "server") for name in names])
        servers = [server_from_item(item) for item in items]
        return {server.name: server for server in servers if not server.deleted_at}

    def listed(self, *, brief: bool = False) -> Iterator[Server]:
        """Go through every server that is neither deleted nor unlisted, in no order.

        The brief ones come without what makes a record large: tools, packages and configSchemas.
        """
        names = {"#item": "item"}
        wanted: dict[str, Any] = {}
        if brief:
            names |= {f"#{name}": name for name in _BRIEF}
            wanted["ProjectionExpression"] = ", ".join([*(f"#{name}" for name in _BRIEF), "#release.launch"])
            names["#release"] = "release"
        return (server_from_item(item) for page in self._scan(names, wanted) for item in page["Items"])

    def count_listed(self) -> int:
        """Return how many servers are neither deleted nor unlisted."""
        return sum(page["Count"] for page in self._scan({"#item": "item"}, {"Select": "COUNT"}))

    def _scan(self, names: Mapping[str, str], wanted: Mapping[str, Any]) -> Any:
        """Return the pages of a scan for servers that are neither deleted nor unlisted."""
        return self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#item = :server AND attribute_not_exists(deleted_at) AND NOT unlisted = :yes",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":server": {"S": "server"}, ":yes": {"BOOL": True}},
            **wanted,
        )

    def _items(self, table: str, keys: list[Any]) -> Iterator[Any]:
        pending: Any = {table: {"Keys": keys}} if keys else None
        while pending:
            answer = self._client.batch_get_item(RequestItems=pending)
            yield from answer["Responses"][table]
            pending = answer.get("UnprocessedKeys")

    def _remember(self, key: str, server: Server) -> None:
        if self._fresh_seconds:
            if len(self._known) >= _KNOWN_SERVERS:
                self._known.clear()
            self._known[key] = (self._clock() + self._fresh_seconds, server)


def item_key(server: str, item: str) -> dict[str, Any]:
    return {"server": {"S": server}, "item": {"S": item}}


def not_found(name: str) -> ServerNotFound:
    return ServerNotFound(f"there is no server {name}; GET /servers?q= finds those there are")


def _count(item: Mapping[str, Any]) -> int:
    return int(item["use_count"]["N"]) if "use_count" in item else 0
