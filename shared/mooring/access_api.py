"""Routes for what gives access: keys, one-time tickets, stored profiles."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from mooring.authentication import Admin, Caller
from mooring.keys import Key, KeyTable, Role
from mooring.profiles import ProfileTable
from mooring.tickets import LIFETIME_SECONDS, TicketTable

Answer = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewKey(_Body):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Role = "client"
    principal: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class NewTicket(_Body):
    config: dict[str, Any] | None = None


class NewProfile(_Body):
    config: dict[str, Any]


def routes(keys: KeyTable, tickets: TicketTable, profiles: ProfileTable) -> APIRouter:
    router = APIRouter()

    @router.post("/keys", status_code=201)
    def create_key(admin: Admin, body: NewKey) -> Answer:
        key, secret = keys.create(body.name, body.role, body.principal)
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
        "role": key.role,
        "principal": key.principal,
        "createdAt": key.created_at,
        "revokedAt": key.revoked_at,
    }
