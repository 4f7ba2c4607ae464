"""The route that tells the holder of a key whom it speaks for and what it may do."""

from typing import Any

from fastapi import APIRouter

from mooring.authentication import Anybody
from mooring.keys import SCOPES
from mooring.namespaces import Namespaces

Answer = dict[str, Any]


def routes(namespaces: Namespaces) -> APIRouter:
    router = APIRouter()

    @router.get("/whoami")
    def who_am_i(anybody: Anybody) -> Answer:
        return {
            "principal": anybody.id,
            "keyId": anybody.key_id,
            "scopes": [scope for scope in SCOPES if scope in anybody.scopes],
            # Finding them reads the whole catalog, which who cannot publish there need not cause.
            "namespaces": namespaces.of(anybody.id) if anybody.may("publish") else [],
        }

    return router
