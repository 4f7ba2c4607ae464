"""Which build is at work for which release, and what its scan is to be made with."""

import time
from dataclasses import dataclass
from typing import Any

from mooring import documents
from mooring.clock import Clock
from mooring.dynamodb import from_item, to_item
from mooring.release_table import queue_key
from mooring.releases import Document, ReleaseRecord
from mooring.sealing import Sealer

_KEPT_SECONDS = 86_400
_OF_SERVER = "build"
_OF_BUILD = "release"


@dataclass(frozen=True)
class BuildRow:
    server: str
    release: str
    build: str
    """Its id, as CodeBuild gives it."""
    files: str
    """Where what it is told and what it leaves lies."""


class BuildRows:
    """In the table of releases. `client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str, sealer: Sealer, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._sealer = sealer
        self._clock = clock

    def put(self, row: BuildRow) -> None:
        """Write down the build of a release: it is the one of its server now."""
        values = {"release": row.release, "build": row.build, "files": row.files}
        values_ = to_item({**values, "expires_at": int(self._clock()) + _KEPT_SECONDS})
        of_server = {**_key(row.server, _OF_SERVER), **values_}
        of_build = {**_key(_build(row.build), _OF_BUILD), **values_, "of": {"S": row.server}}
        for item in (of_build, of_server):
            self._client.put_item(TableName=self._table, Item=item)

    def of_server(self, server: str) -> BuildRow | None:
        """Return the last build of a server, over or not."""
        found = self._get(_key(server, _OF_SERVER))
        return BuildRow(server, found["release"], found["build"], found["files"]) if found else None

    def of_build(self, build: str) -> BuildRow | None:
        """Return the row of a build; None: it is none of ours."""
        found = self._get(_key(_build(build), _OF_BUILD))
        return BuildRow(found["of"], found["release"], build, found["files"]) if found else None

    def scan(self, record: ReleaseRecord) -> Document:
        """Return what a release in work is to be scanned with."""
        sealed = (self._get(queue_key(record.server, record.id)) or {}).get("scan")
        if not sealed:
            return {}
        plain = self._sealer.unseal(sealed, principal=record.principal, name=record.id)
        scan: Document = documents.decode(plain.decode())
        return scan

    def _get(self, key: Document) -> dict[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None


def _key(server: str, item: str) -> Document:
    return {"server": {"S": server}, "item": {"S": item}}


def _build(build: str) -> str:
    return f"build#{build}"
