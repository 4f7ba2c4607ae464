"""Routes of claims: how the owner of what is listed here proves it, and how an operator decides."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Response
from pydantic import Field

from mooring.authentication import Admin, Publisher
from mooring.catalog import Catalog, not_found
from mooring.claim_places import MARK, Method
from mooring.claims import Claim, Claims
from mooring.keys import Principal
from mooring.server_bodies import Body
from mooring.server_views import ServerViews
from mooring.servers import Server
from mooring.servers_api import etag, is_visible

Answer = dict[str, Any]

_HOW = {
    "file": "Put a file with this line at the top of the repository's default branch",
    "well-known": "Have the homepage's host answer with this line",
    "dns": "Make a TXT record with this text",
    "operator": "An operator decides; GET /servers/{owner}/{name} shows you as its owner then",
}


class NewClaim(Body):
    method: Method
    message: Annotated[str, Field(max_length=500)] = ""
    """To the operator: why it is yours."""


class Decision(Body):
    principal: Annotated[str, Field(min_length=1, max_length=100)]


def routes(catalog: Catalog, claims: Claims, views: ServerViews) -> APIRouter:
    router = APIRouter()

    def seen(qualified_name: str, by: Principal) -> Server:
        server = catalog.get(unquote(qualified_name))
        if not is_visible(server, by):
            raise not_found(server.qualified_name)
        return server

    def detailed(server: Server, response: Response) -> Answer:
        response.headers["ETag"] = etag(server)
        return views.detailed(server, catalog.use_count(server))

    @router.post("/servers/{qualified_name:path}/claims", status_code=201)
    def claim_server(publisher: Publisher, qualified_name: str, body: NewClaim) -> Answer:
        claim, token = claims.open(seen(qualified_name, publisher), publisher, body.method, body.message)
        return _challenge(claim, token)

    @router.post("/servers/{qualified_name:path}/claims/verify")
    def verify_claim(publisher: Publisher, qualified_name: str, response: Response) -> Answer:
        return detailed(claims.verify(seen(qualified_name, publisher), publisher), response)

    @router.get("/claims")
    def list_claims(admin: Admin) -> Answer:
        return {"claims": [_waiting(claim) for claim in claims.waiting()]}

    @router.post("/servers/{qualified_name:path}/claims/approve")
    def approve_claim(admin: Admin, qualified_name: str, body: Decision, response: Response) -> Answer:
        return detailed(claims.approve(seen(qualified_name, admin), body.principal), response)

    @router.post("/servers/{qualified_name:path}/claims/reject", status_code=204)
    def reject_claim(admin: Admin, qualified_name: str, body: Decision) -> None:
        claims.reject(seen(qualified_name, admin), body.principal)

    return router


def _challenge(claim: Claim, token: str) -> Answer:
    needs_proof = claim.method != "operator"
    then = f", then POST /servers/{claim.server}/claims/verify" if needs_proof else ""
    return {
        "method": claim.method,
        "token": token if needs_proof else None,
        "expiresAt": claim.expires_at,
        "where": claim.place or None,
        "content": MARK + token if needs_proof else None,
        "instructions": _HOW[claim.method] + then,
    }


def _waiting(claim: Claim) -> Answer:
    return {
        "server": claim.server,
        "principal": claim.principal,
        "message": claim.message,
        "createdAt": claim.created_at,
        "expiresAt": claim.expires_at,
    }
