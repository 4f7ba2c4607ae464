"""The table of release records, their logs, and the queue that builders take them from.

Of each server one release at a time is in work: asking for a newer one cancels it. Whoever builds writes the
record only while it is WORKING, so that a cancellation is never overwritten.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from mooring import documents
from mooring.clock import Clock, iso8601
from mooring.dynamodb import Item, from_item, size_bytes, to_item
from mooring.errors import Conflict, InvalidRequest, ReleaseNotFound
from mooring.keys import Principal
from mooring.releases import (
    AUTH_SECONDS,
    Document,
    Kind,
    ReleaseRecord,
    Status,
    record_from_item,
    record_item,
    record_key,
)
from mooring.sealing import Sealer

LOG_DAYS = 30
MAX_ATTEMPTS = 2
_QUEUE = "queue"
_IN_WORK = "in-work"
_MAX_ITEM_BYTES = 400_000  # of 409,600
_LINES_AT_ONCE = 100
_RELEASES_READ = 200  # of one server: more are not kept


class Cancelled(Exception):
    """A release that is being built was cancelled meanwhile."""


@dataclass(frozen=True)
class Queued:
    server: str
    id: str
    is_taken: bool
    """A builder has it, or had it when it died."""


class ReleaseTable:
    """`client` is a `mooring.dynamodb_client` or boto3 one; servers are named by `Server.name`."""

    def __init__(self, client: Any, table: str, sealer: Sealer, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._sealer = sealer
        self._clock = clock

    def request(
        self, server: str, source: Document, by: Principal, kind: Kind = "stdio", scan: Document | None = None
    ) -> ReleaseRecord:
        """Queue a new release, and cancel the one of the server that is queued or in work.

        `scan` is what its scan is to be made with, `config` and `headers`: kept sealed until that is over.
        """
        now = self._clock()
        stamp = iso8601(now).replace("-", "").replace(":", "")  # sorts in order of time, as ids do
        record = ReleaseRecord(
            server=server,
            id=f"{stamp}-{secrets.token_hex(4)}",
            type=kind,
            source=source,
            principal=by.id,
            scopes=tuple(sorted(by.scopes)),
            created_at=iso8601(now),
            updated_at=iso8601(now),
        )
        self._put(record)
        self._enqueue(record, scan)
        return record

    def again(self, record: ReleaseRecord, scan: Document | None = None) -> ReleaseRecord:
        """Queue a release that has ended, or waits for its publisher, once more; its log goes on.

        Raises:
            Conflict: it is queued or in work, or has succeeded.
        """
        if record.status in ("QUEUED", "WORKING", "SUCCESS"):
            raise Conflict(f"release {record.id} is {record.status}: there is nothing to do again")
        fresh = replace(record, status="QUEUED", stage="deploy", error=None, attempts=0)
        # Of one that was not authorised in time, the status that is stored says that it waits.
        stored: Status = "AUTH_REQUIRED" if record.status == "AUTH_TIMEOUT" else record.status
        written = self._write(fresh, (stored,))
        self._enqueue(written, scan)
        return written

    def get(self, server: str, release_id: str) -> ReleaseRecord:
        """Return a record; `latest` is the last that was asked for. Raises ReleaseNotFound."""
        if release_id == "latest":
            found = next(self.all(server), None)
            if found is None:
                raise ReleaseNotFound(f"{server} has no release yet")
            return found
        answer = self._client.get_item(
            TableName=self._table, Key=_key(server, record_key(release_id)), ConsistentRead=True
        )
        if "Item" not in answer:
            raise ReleaseNotFound(f"{server} has no release {release_id[:80]}; GET …/releases lists them")
        return self._now(record_from_item(answer["Item"]))

    def all(self, server: str, since: str = "") -> Iterator[ReleaseRecord]:
        """Go through the releases of a server, the newest first, those created `since`."""
        found = self._items(server, "begins_with(#item, :from)", record_key(""), ScanIndexForward=False)
        for item in islice(found, _RELEASES_READ):
            if item["created_at"]["S"] >= since:
                yield self._now(record_from_item(item))

    def cancel(self, record: ReleaseRecord) -> ReleaseRecord:
        """End a release that is queued, in work or waiting. Raises Conflict if it is over."""
        return self._write(replace(record, status="CANCELLED"), ("QUEUED", "WORKING", "AUTH_REQUIRED"))

    def queue(self) -> list[Queued]:
        """Return what is queued or in work, the oldest first."""
        found = []
        for item in self._items(_QUEUE, "#item > :from", "0", ProjectionExpression="#item, taken"):
            row = from_item(item)
            release_id, _, server = row["item"].partition("#")
            found.append(Queued(server, release_id, bool(row.get("taken"))))
        return found

    def take(self, queued: Queued) -> tuple[ReleaseRecord, Document] | None:
        """Begin to work on a release; return it and what to scan it with. None: it is not wanted any more.

        One whose builder died is begun anew, MAX_ATTEMPTS times in all.
        """
        key = queue_key(queued.server, queued.id)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET taken = :yes",
                ConditionExpression="attribute_exists(#item)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={":yes": {"BOOL": True}},
                ReturnValues="ALL_NEW",
            )
            record = self.get(queued.server, queued.id)
            begun = replace(record, status="WORKING", attempts=record.attempts + 1)
            if begun.attempts > MAX_ATTEMPTS:
                error = {
                    "message": "whoever built it ended early, twice",
                    "advice": "Try it once more: retry",
                }
                self._write(replace(record, status="INTERNAL_ERROR", error=error), ("QUEUED", "WORKING"))
                self.leave(record)
                return None
            begun = self._write(begun, ("QUEUED", "WORKING"))
        except (Conflict, ReleaseNotFound, self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(TableName=self._table, Key=key)
            return None
        sealed = from_item(answer["Attributes"]).get("scan")
        scan = self._sealer.unseal(sealed, principal=begun.principal, name=begun.id) if sealed else b"{}"
        return begun, documents.decode(scan.decode())

    def save(self, record: ReleaseRecord) -> ReleaseRecord:
        """Write what is now known of a release in work. Raises Cancelled if that has been cancelled."""
        try:
            return self._write(record, ("WORKING",))
        except Conflict as error:
            raise Cancelled(record.id) from error

    def is_wanted(self, record: ReleaseRecord) -> bool:
        """Return whether a release in work has not been cancelled."""
        answer = self._client.get_item(
            TableName=self._table,
            Key=_key(record.server, record_key(record.id)),
            ProjectionExpression="#status",
            ExpressionAttributeNames={"#status": "status"},
        )
        return bool("Item" in answer and answer["Item"]["status"]["S"] == "WORKING")

    def leave(self, record: ReleaseRecord) -> None:
        """Be done with a release: what its scan was made with is forgotten."""
        self._client.delete_item(TableName=self._table, Key=queue_key(record.server, record.id))

    def log(self, record: ReleaseRecord, start: int, entries: Sequence[Document]) -> int:
        """Append to the log of a release, from line `start` on; return the number of the next line."""
        row = {
            "server": _log(record.server, record.id),
            "item": f"{start + len(entries):08}",
            "lines": documents.encode(list(entries), "log"),
            "expires_at": int(self._clock() + LOG_DAYS * 86_400),
        }
        self._client.put_item(TableName=self._table, Item=to_item(row))
        return start + len(entries)

    def lines(self, server: str, release_id: str, after: int = 0) -> tuple[list[Document], int]:
        """Return what was logged after the line numbered `after`, and the number to ask with next time."""
        found: list[Document] = []
        for item in self._items(_log(server, release_id), "#item > :from", f"{after:08}"):
            lines = documents.decode(item["lines"]["S"])
            first = int(item["item"]["S"]) - len(lines)
            found += lines[max(after - first, 0) :]
            after = int(item["item"]["S"])
        return found, after

    def prune(self, server: str, keep: int, but: Iterable[str] = ()) -> list[ReleaseRecord]:
        """Forget all but the newest `keep` releases that are over, and those named; return the forgotten."""
        kept = set(but)
        over = [record for record in self.all(server) if record.is_over]
        gone = [record for record in over[keep:] if record.id not in kept]
        for record in gone:
            self._client.delete_item(TableName=self._table, Key=_key(server, record_key(record.id)))
        return gone

    def _items(self, partition: str, condition: str, start: str, **options: Any) -> Iterator[Item]:
        """Go through the items of a partition whose `item` meets a condition on `:from`."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=f"#server = :server AND {condition}",
            ExpressionAttributeNames={"#server": "server", "#item": "item"},
            ExpressionAttributeValues={":server": {"S": partition}, ":from": {"S": start}},
            ConsistentRead=True,
            **options,
        )
        for page in pages:
            yield from page["Items"]

    def _enqueue(self, record: ReleaseRecord, scan: Document | None) -> None:
        sealed = None
        if scan:
            plain = documents.encode(scan, "scan").encode()
            sealed = self._sealer.seal(plain, principal=record.principal, name=record.id)
        row = {"server": _QUEUE, "item": f"{record.id}#{record.server}", "scan": sealed}
        self._client.put_item(TableName=self._table, Item=to_item(row))
        before = self._client.put_item(
            TableName=self._table,
            Item=to_item({"server": record.server, "item": _IN_WORK, "id": record.id}),
            ReturnValues="ALL_OLD",
        ).get("Attributes")
        if before and before["id"]["S"] != record.id:
            with suppress(Conflict, ReleaseNotFound):  # it is over
                self.cancel(self.get(record.server, before["id"]["S"]))

    def _now(self, record: ReleaseRecord) -> ReleaseRecord:
        """Return the record as it is now: who was to authorise it has only so long."""
        waits_since = iso8601(self._clock() - AUTH_SECONDS)
        if record.status == "AUTH_REQUIRED" and record.updated_at < waits_since:
            return replace(record, status="AUTH_TIMEOUT")
        return record

    def _write(self, record: ReleaseRecord, expected: tuple[Status, ...]) -> ReleaseRecord:
        """Write a record whose status is one of the `expected`. Raises Conflict."""
        record = replace(record, updated_at=iso8601(self._clock()))
        names = [f":{index}" for index, _ in enumerate(expected)]
        try:
            self._put(
                record,
                ConditionExpression=f"#status IN ({', '.join(names)})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    name: {"S": status} for name, status in zip(names, expected, strict=True)
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"release {record.id} has changed meanwhile; look at it again") from error
        return record

    def _put(self, record: ReleaseRecord, **condition: Any) -> None:
        item = record_item(record)
        if size_bytes(item) > _MAX_ITEM_BYTES:
            raise InvalidRequest(
                "what is known of the release is too large; shorten descriptions and schemas"
            )
        self._client.put_item(TableName=self._table, Item=item, **condition)


def _key(server: str, item: str) -> dict[str, Any]:
    return {"server": {"S": server}, "item": {"S": item}}


def queue_key(server: str, release_id: str) -> dict[str, Any]:
    return _key(_QUEUE, f"{release_id}#{server}")


def _log(server: str, release_id: str) -> str:
    return f"log#{server}#{release_id}"
