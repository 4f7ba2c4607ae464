"""Claims: how a listed server comes to belong to who owns what it lists.

A claim is an item beside the server, `claim#<principal>`: what was asked for, and the hash of the token that
is to be shown. It counts for its principal and its server only, for LIFETIME_SECONDS, and as long as the
record names the same place and the same owner.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mooring import claim_places
from mooring.catalog import item_key, not_found
from mooring.catalog_editor import CatalogEditor
from mooring.claim_places import MARK, Method
from mooring.claim_proofs import Proofs
from mooring.clock import Clock, iso8601
from mooring.dynamodb import from_item, to_item
from mooring.errors import Conflict, LimitReached, NotClaimable, NotProven
from mooring.keys import Key, KeyTable, Principal
from mooring.observability import logger
from mooring.servers import Server

LIFETIME_SECONDS = 7 * 86_400
AGAIN_SECONDS = 5
"""Between two checks of one claim: each makes the platform ask a host that a record names."""

_PREFIX = "claim#"
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is kept of a claim, in its item."""

    server: str
    principal: str
    method: Method
    place: str
    """Of `Place.shown`."""
    owner: str
    """Of the record, when the claim was made."""
    token_hash: str = ""
    message: str = ""
    """To the operator."""
    created_at: str
    expires_at: str
    checked_at: str = ""


class Claims:
    """`client` is a boto3 DynamoDB client, `table` the catalog's.

    Names may come in any case and with a leading `@`. Every method raises ServerNotFound for one that nobody
    has, or that is not shown to the caller.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        editor: CatalogEditor,
        keys: KeyTable,
        proofs: Proofs,
        clock: Clock = time.time,
    ) -> None:
        self._client = client
        self._table = table
        self._editor = editor
        self._keys = keys
        self._proofs = proofs
        self._clock = clock

    def open(self, server: Server, by: Principal, method: Method, message: str = "") -> tuple[Claim, str]:
        """Begin a claim in place of the one there may be; return it, and the token that is to be shown.

        Raises:
            NotClaimable: its owner published or claimed it here.
            InvalidRequest: the record does not name what the method needs.
        """
        self._check_claimable(server, by.id)
        now, token = self._clock(), secrets.token_urlsafe(_RANDOM_BYTES)
        claim = Claim(
            server=server.qualified_name,
            principal=by.id,
            method=method,
            place=claim_places.place(server, method).shown,
            owner=server.owner,
            token_hash=_hash(server.name, by.id, token),
            message=message,
            created_at=iso8601(now),
            expires_at=iso8601(now + LIFETIME_SECONDS),
        )
        self._client.put_item(TableName=self._table, Item=_item(server.name, claim))
        return claim, token

    def verify(self, server: Server, by: Principal) -> Server:
        """Look for the proof, and make `by` the owner of the server.

        Raises:
            Conflict: there is no claim, it is over, or the record has changed since; NotClaimable as `open`.
            NotProven: the token is not where it has to be.
            LimitReached: it was looked at a moment ago.
        """
        claim = self._get(server, by.id)
        if claim.method == "operator":
            raise Conflict(f"the claim of {claim.server} waits for an operator; there is nothing to verify")
        self._check_unchanged(server, claim)
        self._note_check(server, claim)
        place = claim_places.place(server, claim.method)
        evidence = self._proofs.look(place)
        hashes = [_hash(server.name, by.id, token) for token in evidence.tokens]
        if not any(hmac.compare_digest(one, claim.token_hash) for one in hashes):
            expected = f"{MARK}<the token of your challenge>"
            raise NotProven(
                f"the token of the claim is not there: {place.shown}. Found: {evidence.seen}",
                {"where": place.shown, "expected": expected, "found": evidence.seen},
            )
        return self._give(server, claim)

    def waiting(self) -> list[Claim]:
        """Return the claims an operator is to decide, oldest first; those that are over are removed."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(#item, :claim)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":claim": {"S": _PREFIX}},
        )
        found = list(self._living(item for page in pages for item in page["Items"]))
        return sorted((one for one in found if one.method == "operator"), key=lambda one: one.created_at)

    def approve(self, server: Server, principal: str) -> Server:
        """Make who waits the owner; raises Conflict as `verify`, or if nobody of that name waits."""
        claim = self._get(server, principal, "operator")
        self._check_unchanged(server, claim)
        return self._give(server, claim)

    def reject(self, server: Server, principal: str) -> None:
        """Forget a claim that waits; raises Conflict if there is none."""
        self._get(server, principal, "operator")
        self._forget(server.name, principal)

    def _give(self, server: Server, claim: Claim) -> Server:
        # What was proven is proven of the record as it was: it is looked at again as it is written.
        changed = self._editor.claim(
            server.name, claim.principal, lambda known: self._check_unchanged(known, claim)
        )
        self._forget(server.name, claim.principal)
        logger.info("claimed", server=server.name, principal=claim.principal, method=claim.method)
        return changed

    def _get(self, server: Server, principal: str, method: Method | None = None) -> Claim:
        key = item_key(server.name, _PREFIX + principal)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        claim = next(self._living([answer["Item"]] if "Item" in answer else []), None)
        if claim is None or method not in (None, claim.method):
            who = "you have" if method is None else f"{principal} has"
            raise Conflict(
                f"{who} no such claim of {server.qualified_name}, or it is over its 7 days; "
                f"POST /servers/{server.qualified_name}/claims makes one"
            )
        return claim

    def _living(self, items: Any) -> Iterator[Claim]:
        now = iso8601(self._clock())
        for item in items:
            record = from_item(item)
            known = {name: record[name] for name in Claim.__dataclass_fields__ if name in record}
            claim = Claim(**{**known, "server": record["qualified_name"]})
            if claim.expires_at > now:
                yield claim
            else:
                self._forget(record["server"], claim.principal)

    def _check_unchanged(self, server: Server, claim: Claim) -> None:
        if server.deleted_at:
            raise not_found(server.qualified_name)
        self._check_claimable(server, claim.principal)
        place = claim_places.place(server, claim.method).shown
        if (place, server.owner) != (claim.place, claim.owner):
            self._forget(server.name, claim.principal)
            raise Conflict(
                f"{server.qualified_name} has another repository, homepage or owner now than when the claim "
                f"was made; make a new one: POST /servers/{server.qualified_name}/claims"
            )

    def _check_claimable(self, server: Server, principal: str) -> None:
        if server.owner == principal:
            raise NotClaimable(f"{server.qualified_name} is yours already")
        if server.claimed_at or not self._is_operators(server.owner):
            raise NotClaimable(
                f"{server.qualified_name} belongs to a principal who published or claimed it here; "
                "its owner or an operator can transfer it"
            )

    def _is_operators(self, owner: str) -> bool:
        """Return whether an owner is an admin, an import or nobody: what is his is only listed."""
        if not owner:
            return True
        of_owner = [key for key in self._keys.list() if key.principal == owner]
        living = [key for key in of_owner if self._is_living(key)]
        return not of_owner or any("admin" in key.scopes for key in living or of_owner)

    def _is_living(self, key: Key) -> bool:
        return not key.revoked_at and not (key.expires_at and key.expires_at <= iso8601(self._clock()))

    def _note_check(self, server: Server, claim: Claim) -> None:
        now = self._clock()
        checked = replace(claim, checked_at=iso8601(now))
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(server.name, checked),
                ConditionExpression="token_hash = :token AND checked_at <= :before",
                ExpressionAttributeValues={
                    ":token": {"S": claim.token_hash},
                    ":before": {"S": iso8601(now - AGAIN_SECONDS)},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise LimitReached(
                f"the claim was checked less than {AGAIN_SECONDS} seconds ago; try again then",
                {"retryAfterSeconds": AGAIN_SECONDS},
            ) from error

    def _forget(self, name: str, principal: str) -> None:
        self._client.delete_item(TableName=self._table, Key=item_key(name, _PREFIX + principal))


def _item(name: str, claim: Claim) -> dict[str, Any]:
    record = {field: getattr(claim, field) for field in Claim.__dataclass_fields__ if field != "server"}
    return item_key(name, _PREFIX + claim.principal) | to_item({"qualified_name": claim.server, **record})


def _hash(server: str, principal: str, token: str) -> str:
    """A token counts for one principal and one server: an item copied to another place proves nothing."""
    return hashlib.sha256(f"{server}\n{principal}\n{token}".encode(errors="replace")).hexdigest()
