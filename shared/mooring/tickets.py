"""One-time connect tickets: a connect URL that holds no key and no configuration.

A page or an agent trades its key for a ticket and puts that into the URL. It works once, within a minute, for
the principal that made it, even if the key is revoked in that minute.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

from mooring import documents
from mooring.clock import Clock
from mooring.dynamodb import from_item, to_item
from mooring.errors import Unauthorized
from mooring.keys import KeyTable, Principal, credential_from
from mooring.sealing import Sealer

LIFETIME_SECONDS = 60
_PREFIX = "mt_"
_RANDOM_BYTES = 32


class TicketTable:
    """`client` is a boto3 DynamoDB client. Rows nobody redeems are left to the table's TTL."""

    def __init__(self, client: Any, table: str, sealer: Sealer, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._sealer = sealer
        self._clock = clock

    def create(self, principal: Principal, config: dict[str, Any] | None = None) -> str:
        """Return a ticket for `principal`, carrying `config` sealed.

        Raises:
            InvalidRequest: the configuration is too large to be sealed.
        """
        ticket = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        ticket_hash = _hash(ticket)
        sealed = None
        if config is not None:
            text = documents.encode(config, "config")
            sealed = self._sealer.seal(text.encode(), principal=principal.id, name=ticket_hash)
        row = {
            "ticket_hash": ticket_hash,
            "principal": principal.id,
            "scopes": sorted(principal.scopes),
            "key_id": principal.key_id,
            "config": sealed,
            "expires_at": int(self._clock()) + LIFETIME_SECONDS,
        }
        self._client.put_item(TableName=self._table, Item=to_item(row))
        return ticket

    def redeem(self, ticket: str) -> tuple[Principal, dict[str, Any] | None]:
        """Use up a ticket: return whom it speaks for and the configuration it carries.

        Raises:
            Unauthorized: it is not known, used already, or expired.
        """
        ticket_hash = _hash(ticket)
        try:
            answer = self._client.delete_item(
                TableName=self._table,
                Key={"ticket_hash": {"S": ticket_hash}},
                ConditionExpression="expires_at > :now",  # of no row it is false as well
                ExpressionAttributeValues={":now": {"N": str(int(self._clock()))}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Unauthorized(
                "the ticket is not known, was used already, or is over a minute old"
            ) from error
        row = from_item(answer["Attributes"])
        principal = Principal(row["principal"], frozenset(row["scopes"]), row["key_id"])
        if "config" not in row:
            return principal, None
        text = self._sealer.unseal(row["config"], principal=principal.id, name=ticket_hash)
        return principal, documents.decode(text.decode())


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()


def authenticate(
    headers: Mapping[str, str], query: Mapping[str, str], keys: KeyTable, tickets: TicketTable
) -> tuple[Principal, dict[str, Any] | None]:
    """Return who connects, by ticket or by key, and the configuration that came with the ticket.

    Raises:
        Unauthorized: there is no credential, or a worthless one.
    """
    if "ticket" in query:
        return tickets.redeem(query["ticket"])
    credential = credential_from(headers, query)
    if credential is None:
        raise Unauthorized("no credential: send Authorization: Bearer, api_key= or ticket=")
    return keys.verify(credential), None
