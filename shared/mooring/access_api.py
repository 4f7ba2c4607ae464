"""Routes for what gives access: keys, one-time tickets, stored profiles."""

import time
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from mooring.authentication import Admin, Caller
from mooring.errors import InvalidRequest
from mooring.instants import Instant
from mooring.keys import SCOPES, Key, KeyTable, Role, Scope
from mooring.profiles import ProfileTable
from mooring.tickets import LIFETIME_SECONDS, TicketTable

Answer = dict[str, Any]

_MAX_KEY_SECONDS = 100 * 366 * 86_400


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class NewKey(_Body):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Role | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))] | None = None
    principal: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    expires_at: Instant | None = None
    expires_in_seconds: Annotated[int, Field(strict=True, ge=1, le=_MAX_KEY_SECONDS)] | None = None

    def expiry(self) -> float | None:
        """Return when it ends, in seconds since the epoch; raises InvalidRequest if that is over."""
        if self.expires_at and self.expires_in_seconds:
            raise InvalidRequest("give either expiresAt or expiresInSeconds")
        if self.expires_in_seconds:
            return time.time() + self.expires_in_seconds
        if self.expires_at and self.expires_at.timestamp() <= time.time():
            raise InvalidRequest("expiresAt must be in the future")
        return self.expires_at.timestamp() if self.expires_at else None


class NewTicket(_Body):
    config: dict[str, Any] | None = None


class NewProfile(_Body):
    config: dict[str, Any]


def routes(keys: KeyTable, tickets: TicketTable, profiles: ProfileTable) -> APIRouter:
    router = APIRouter()

    @router.post("/keys", status_code=201)
    def create_key(admin: Admin, body: NewKey) -> Answer:
        if body.role and body.scopes:
            raise InvalidRequest("give either role or scopes")
        key, secret = keys.create(
            body.name,
            body.role or "client",
            body.principal,
            scopes=body.scopes or (),
            expires_at=body.expiry(),
        )
        return {**_key(key), "key": secret}

    @router.get("/keys")
    def list_keys(admin: Admin) -> Answer:
        return {"keys": [_key(key) for key in keys.list()]}

    @router.delete("/keys/{key_id}", status_code=204)
    def revoke_key(admin: Admin, key_id: str) -> None:
        if not keys.revoke(key_id):
            raise HTTPException(404)

    @router.post("/tickets", status_code=201)
    def create_ticket(caller: Caller, body: NewTicket | None = None) -> Answer:
        ticket = tickets.create(caller, body.config if body else None)
        return {"ticket": ticket, "expiresInSeconds": LIFETIME_SECONDS}

    @router.get("/profiles")
    def list_profiles(caller: Caller) -> Answer:
        return {"profiles": [{"name": name} for name in profiles.names(caller)]}

    @router.put("/profiles/{name}")
    def put_profile(caller: Caller, name: str, body: NewProfile) -> Answer:
        profiles.put(caller, name, body.config)
        return {"name": name}

    @router.delete("/profiles/{name}", status_code=204)
    def delete_profile(caller: Caller, name: str) -> None:
        profiles.delete(caller, name)

    return router


def _key(key: Key) -> Answer:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"{key.prefix}…",
        "role": key.role,
        "scopes": [scope for scope in SCOPES if scope in key.scopes],
        "principal": key.principal,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
    }
