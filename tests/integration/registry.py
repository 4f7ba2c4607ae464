"""The registry's app on tables of a real emulator, for the tests of its routes."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from mooring.catalog import Catalog
from mooring.keys import KeyTable, Principal
from mooring.profiles import ProfileTable
from mooring.registry_api import create_app
from mooring.sealing import LocalSealer, Sealer
from mooring.tickets import TicketTable
from mooring_local import tables
from tests import emulator

LAUNCH = {"command": "node", "args": ["${bundle}/index.js"]}


@dataclass(frozen=True)
class Registry:
    emulator: emulator.Emulator
    dynamodb: Any
    catalog: Catalog
    keys: KeyTable
    tickets: TicketTable
    profiles: ProfileTable
    app: FastAPI
    admin_key: str

    def client(self, key: str | None = None) -> TestClient:
        """Return an HTTP client with `key`, or with the admin's."""
        headers = {"Authorization": f"Bearer {key or self.admin_key}"}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def new_principal(self) -> tuple[Principal, str]:
        """Return a client of the platform that nobody has seen before, and its key."""
        _, secret = self.keys.create("test", "client")
        return self.keys.verify(secret), secret

    def forget_servers(self) -> None:
        for server in self.catalog.list():
            self.catalog.delete(server.qualified_name)


@contextlib.contextmanager
def running(folder: Path, sealer: Sealer | None = None) -> Iterator[Registry]:
    """Run a registry of its own; `sealer` None: one with a local key."""
    sealer = sealer or LocalSealer(bytes(32))
    with emulator.running(folder) as aws, aws.client("dynamodb") as dynamodb:
        tables.create(dynamodb)
        catalog = Catalog(dynamodb, tables.name("catalog"), tables.name("usage"))
        keys = KeyTable(dynamodb, tables.name("keys"))
        tickets = TicketTable(dynamodb, tables.name("tickets"), sealer)
        profiles = ProfileTable(dynamodb, tables.name("profiles"), sealer)
        app = create_app(catalog, keys, tickets, profiles, ws_url="wss://host", public_url="https://host/")
        _, admin_key = keys.create("operator", "admin")
        yield Registry(aws, dynamodb, catalog, keys, tickets, profiles, app, admin_key)


def publish(http: TestClient, name: str, **body: Any) -> dict[str, Any]:
    answer = http.put(f"/servers/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text
    published: dict[str, Any] = answer.json()
    return published


def listed(http: TestClient, q: str = "", **params: Any) -> list[str]:
    answer = http.get("/servers", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [server["qualifiedName"] for server in answer.json()["servers"]]
