"""API keys: who calls, and what for.

A key is `mk_` and 256 random bits, shown once. The table holds its SHA-256 and never the key: 256 random bits
need no slow hash. A revoked or expired key stays in the table, so that a list shows what there was.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mooring.clock import Clock, iso8601
from mooring.dynamodb import from_item, to_item
from mooring.errors import Forbidden, Unauthorized
from mooring.observability import logger

Scope = Literal["read", "connect", "publish", "admin"]
"""Look up servers; open sessions; publish servers of one's own; everything."""
Role = Literal["client", "publisher", "admin"]
"""A name for the scopes that usually go together."""

SCOPES: tuple[Scope, ...] = ("read", "connect", "publish", "admin")
OF_ROLE: Mapping[str, frozenset[Scope]] = {
    "client": frozenset({"read", "connect"}),
    "publisher": frozenset({"read", "connect", "publish"}),
    "admin": frozenset(SCOPES),
}

_PREFIX = "mk_"
_RANDOM_BYTES = 32
_SHOWN_CHARACTERS = len(_PREFIX) + 4  # 24 of 256 bits
_TRUST_SECONDS = 5.0  # how long a revoked key may still work on a process that has just seen it
_TRUSTED_KEYS = 10_000
_USE_SECONDS = 60.0  # how often at most the last use of a key is written


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a key, ticket or token speaks for, and by which key."""

    id: str
    scopes: frozenset[Scope]
    key_id: str

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise Forbidden unless the key has the scope."""
        if not self.may(scope):
            has = ", ".join(one for one in SCOPES if one in self.scopes)
            raise Forbidden(f"this needs a key with the scope {scope}; yours has {has or 'none'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known about a key; the secret itself is not among it."""

    id: str
    name: str
    scopes: frozenset[Scope]
    principal: str
    prefix: str = _PREFIX
    """What the secret begins with, to tell keys apart."""
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None
    """Up to a minute behind."""
    revoked_at: str | None = None

    @property
    def role(self) -> str | None:
        """The role of just these scopes; None: there is none."""
        return next((role for role, scopes in OF_ROLE.items() if scopes == self.scopes), None)


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

    def create(
        self,
        name: str,
        role: Role = "client",
        principal: str | None = None,
        *,
        scopes: Collection[Scope] = (),
        expires_at: float | None = None,
    ) -> tuple[Key, str]:
        """Store a new key; return it and its secret, which nobody can read again.

        It has the scopes of `role`, or else `scopes`. Without a `principal` it speaks for itself alone.
        `expires_at` is in seconds since the epoch.
        """
        secret = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        key_id = secrets.token_hex(8)
        key = Key(
            id=key_id,
            name=name,
            scopes=frozenset(scopes) or OF_ROLE[role],
            principal=principal or key_id,
            prefix=secret[:_SHOWN_CHARACTERS],
            created_at=iso8601(self._clock()),
            expires_at=None if expires_at is None else iso8601(expires_at),
        )
        row = {field: getattr(key, field) for field in Key.__dataclass_fields__}
        self._client.put_item(
            TableName=self._table,
            Item=to_item({"key_hash": _hash(secret), **row, "scopes": sorted(key.scopes)}),
            ConditionExpression="attribute_not_exists(key_hash)",
        )
        return key, secret

    def verify(self, secret: str) -> Principal:
        """Return whom `secret` speaks for.

        Raises:
            Unauthorized: it is not a key, or one that is revoked or has expired.
        """
        principal = self.trusted(secret)
        if principal is None:
            key_hash = _hash(secret)
            until, principal = self._read(key_hash)
            if len(self._trusted) >= _TRUSTED_KEYS:
                self._trusted.clear()
            self._trusted[key_hash] = (until, principal)
        return principal

    def trusted(self, secret: str) -> Principal | None:
        """Return what `verify` would without asking the table; None: it would have to."""
        until, principal = self._trusted.get(_hash(secret), (0.0, None))
        return principal if until > self._clock() else None

    def _read(self, key_hash: str) -> tuple[float, Principal]:
        """Return whom a key speaks for, and until when that may be trusted."""
        now = self._clock()
        answer = self._client.get_item(TableName=self._table, Key={"key_hash": {"S": key_hash}})
        record = from_item(answer.get("Item", {}))
        if not hmac.compare_digest(record.get("key_hash", ""), key_hash):
            raise Unauthorized("the API key is not known")
        key = _key(record)
        if key.revoked_at:
            raise Unauthorized("the API key has been revoked")
        until = now + _TRUST_SECONDS
        if key.expires_at:
            expires_at = datetime.fromisoformat(key.expires_at).timestamp()
            if expires_at <= now:
                raise Unauthorized(f"the API key expired at {key.expires_at}; ask for a new one")
            until = min(until, expires_at)
        self._note_use(key_hash, key.last_used_at, now)
        return until, Principal(key.principal, key.scopes, key.id)

    def _note_use(self, key_hash: str, last: str | None, now: float) -> None:
        """Write that a key is in use, if nobody did within `_USE_SECONDS`; a call need not fail for it."""
        long_ago = iso8601(now - _USE_SECONDS)
        if last is not None and last > long_ago:
            return
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"key_hash": {"S": key_hash}},
                UpdateExpression="SET last_used_at = :now",
                ConditionExpression=(
                    "attribute_exists(key_hash)"
                    " AND (attribute_not_exists(last_used_at) OR last_used_at <= :long_ago)"
                ),
                ExpressionAttributeValues={":now": {"S": iso8601(now)}, ":long_ago": {"S": long_ago}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            pass  # another process has just written it
        except self._client.exceptions.ClientError:
            logger.warning("the last use of a key could not be written")

    def list(self) -> list[Key]:
        """Return every key, those that no longer work too, oldest first."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table)
        keys = [_key(from_item(item)) for page in pages for item in page["Items"]]
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


def _key(record: Mapping[str, Any]) -> Key:
    """Read a row; those of earlier versions have a role in place of scopes."""
    known = {name: record[name] for name in Key.__dataclass_fields__ if name in record}
    scopes = frozenset(record["scopes"]) if "scopes" in record else OF_ROLE[record["role"]]
    return Key(**{**known, "scopes": scopes})
