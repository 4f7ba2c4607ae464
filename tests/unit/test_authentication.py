from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mooring import access_api, api_errors
from mooring.authentication import Admin, RequireKey
from mooring.errors import Unauthorized
from mooring.keys import OF_ROLE, KeyTable, Principal
from mooring.profiles import ProfileTable
from mooring.tickets import TicketTable


class Keys:
    """Knows two keys and makes none."""

    def trusted(self, secret: str) -> Principal | None:
        return None

    def verify(self, secret: str) -> Principal:
        if secret not in ("mk_admin", "mk_client"):
            raise Unauthorized("the API key is not known")
        return Principal("p1", OF_ROLE["admin" if secret == "mk_admin" else "client"], "k1")


@pytest.fixture
def client() -> TestClient:
    keys = cast(KeyTable, Keys())
    app = FastAPI()
    app.add_middleware(RequireKey, keys=keys, open_paths=frozenset({"/open"}))
    api_errors.install(app)
    app.include_router(access_api.routes(keys, cast(TicketTable, None), cast(ProfileTable, None)))

    @app.get("/open")
    def everybody() -> str:
        return "open"

    @app.get("/admin")
    def admin(admin: Admin) -> str:
        return admin.id

    return TestClient(app, raise_server_exceptions=False)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("path", ["/admin", "/no/such/route", "/openly"])
@pytest.mark.parametrize("headers", [{}, bearer("mk_wrong"), {"Authorization": "Basic mk_admin"}])
def test_nothing_but_an_open_path_answers_without_a_key(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"] == "Unauthorized"
    assert client.get("/open", headers=headers).status_code == 200


def test_a_key_in_the_url_does_not_count(client: TestClient) -> None:
    assert client.get("/admin?api_key=mk_admin").status_code == 401


def test_what_needs_an_admin_is_forbidden_to_a_client(client: TestClient) -> None:
    assert client.get("/admin", headers=bearer("mk_admin")).json() == "p1"
    assert client.get("/admin", headers=bearer("mk_client")).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("POST", "/keys"), ("GET", "/keys"), ("DELETE", "/keys/k1")])
def test_keys_are_an_admin_s_business(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, headers=bearer("mk_client"), json={"name": "x"})
    assert answer.status_code == 403
