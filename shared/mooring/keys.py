"""API keys: who calls.

A key is `mk_` and 256 random bits, shown once. The table holds its SHA-256 and never the key: 256 random bits
need no slow hash. A revoked key stays in the table, so that a list shows what there was.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mooring.clock import Clock, iso8601
from mooring.dynamodb import from_item, to_item
from mooring.errors import Unauthorized

Role = Literal["admin", "client"]

_PREFIX = "mk_"
_RANDOM_BYTES = 32
_TRUST_SECONDS = 5.0  # how long a revoked key may still work on a process that has just seen it
_TRUSTED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key, ticket or token speaks for, and by which key."""

    id: str
    role: Role
    key_id: str


@dataclass(frozen=True, slots=True)
class Key:
    """What is known about a key; the secret itself is not among it."""

    id: str
    name: str
    role: Role
    principal: str
    created_at: str
    revoked_at: str | None = None


def credential_from(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """Return the credential of a request, `Authorization: Bearer` before `api_key`; None: it has none.

    Header names may be in any case, as API Gateway passes them on for WebSocket handshakes.
    """
    for name, value in headers.items():
        scheme, _, credential = value.strip().partition(" ")
        if name.lower() == "authorization" and scheme.lower() == "bearer" and credential.strip():
            return credential.strip()
    return query.get("api_key") or None


class KeyTable:
    """`client` is a boto3 DynamoDB client. What `verify` accepted is trusted for `_TRUST_SECONDS`."""

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._trusted: dict[str, tuple[float, Principal]] = {}

    def create(self, name: str, role: Role, principal: str | None = None) -> tuple[Key, str]:
        """Store a new key; return it and its secret, which nobody can read again.

        Without a `principal` the key speaks for itself alone.
        """
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        key_id = secrets.token_hex(8)
        key = Key(key_id, name, role, principal or key_id, iso8601(self._clock()))
        self._client.put_item(
            TableName=self._table,
            Item=to_item({"key_hash": _hash(secret), **asdict(key)}),
            ConditionExpression="attribute_not_exists(key_hash)",
        )
        return key, secret

    def verify(self, secret: str) -> Principal:
        """Return whom `secret` speaks for.

        Raises:
            Unauthorized: it is not a key, or a revoked one.
        """
        key_hash = _hash(secret)
        until, principal = self._trusted.get(key_hash, (0.0, None))
        if principal is None or until <= self._clock():
            principal = self._read(key_hash)
            if len(self._trusted) >= _TRUSTED_KEYS:
                self._trusted.clear()
            self._trusted[key_hash] = (self._clock() + _TRUST_SECONDS, principal)
        return principal

    def _read(self, key_hash: str) -> Principal:
        answer = self._client.get_item(TableName=self._table, Key={"key_hash": {"S": key_hash}})
        record = from_item(answer.get("Item", {}))
        if not hmac.compare_digest(record.get("key_hash", ""), key_hash):
            raise Unauthorized("the API key is not known")
        if "revoked_at" in record:
            raise Unauthorized("the API key has been revoked")
        return Principal(record["principal"], record["role"], record["id"])

    def list(self) -> list[Key]:
        """Return every key, revoked ones too, oldest first."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table)
        keys = [_key(item) for page in pages for item in page["Items"]]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str) -> bool:
        """Make a key worthless from now on; return False when there is none of that id."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#id = :id",
            ExpressionAttributeNames={"#id": "id"},
            ExpressionAttributeValues={":id": {"S": key_id}},
        )
        hashes = [item["key_hash"]["S"] for page in pages for item in page["Items"]]
        for key_hash in hashes:
            self._client.update_item(
                TableName=self._table,
                Key={"key_hash": {"S": key_hash}},
                UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
                ExpressionAttributeValues={":now": {"S": iso8601(self._clock())}},
            )
            self._trusted.pop(key_hash, None)
        return bool(hashes)


def _hash(secret: str) -> str:
    # "replace": text that is not Unicode is no key, and is no reason to fail either
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _key(item: dict[str, Any]) -> Key:
    record = from_item(item)
    del record["key_hash"]
    return Key(**record)
