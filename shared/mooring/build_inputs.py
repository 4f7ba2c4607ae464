"""What was built of which input: a release of an unchanged input is made of the bundle there is.

An input belongs to its server: what one publisher's builds leave never gets into another's.
"""

import hashlib
import json
import time
from typing import Any

from pydantic import ValidationError

from mooring import documents
from mooring.build_bodies import Identity
from mooring.clock import Clock
from mooring.dynamodb import from_item, to_item
from mooring.errors import MooringError
from mooring.release_bodies import BuiltPackage
from mooring.releases import Document

KEPT_DAYS = 90
_GENERATION = 1
"""To be counted up when the same input is built into something else."""


class BuildInputs:
    """In the table of releases. `client` is a boto3 DynamoDB client; `builder` says what builds here."""

    def __init__(self, client: Any, table: str, builder: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._builder = builder
        self._clock = clock

    def find(self, server: str, identity: Identity) -> tuple[str, BuiltPackage] | None:
        """Return the digest of the bundle that was built of it, and its package; None: it never was."""
        answer = self._client.get_item(TableName=self._table, Key=self._key(server, identity))
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        try:
            return row["digest"], BuiltPackage.model_validate(documents.decode(row["package"]))
        except (ValidationError, MooringError):  # of an older Mooring, which took what this one does not
            return None

    def keep(self, server: str, identity: Identity, digest: str, package: BuiltPackage) -> None:
        row = {
            "digest": digest,
            "package": documents.encode(package.model_dump(mode="json", by_alias=True), "package"),
            "expires_at": int(self._clock() + KEPT_DAYS * 86_400),
        }
        self._client.put_item(TableName=self._table, Item={**self._key(server, identity), **to_item(row)})

    def _key(self, server: str, identity: str) -> Document:
        made_by = json.dumps([_GENERATION, self._builder, server, identity])
        return {
            "server": {"S": f"input#{hashlib.sha256(made_by.encode()).hexdigest()}"},
            "item": {"S": "built"},
        }
