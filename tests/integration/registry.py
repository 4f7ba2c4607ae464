"""The registry's app on tables of a real emulator, for the tests of its routes."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.edits import Entry
from mooring.keys import OF_ROLE, KeyTable, Principal
from mooring.profiles import ProfileTable
from mooring.registry_api import create_app
from mooring.registry_search import RegistrySearch
from mooring.release_table import ReleaseTable
from mooring.releases_api import Releases
from mooring.sealing import LocalSealer, Sealer
from mooring.search.index import Index
from mooring.search.reader import IndexReader
from mooring.search_documents import document
from mooring.server_views import ServerViews
from mooring.servers import Release, Server
from mooring.tickets import TicketTable
from mooring.uploads import Uploads
from mooring_local import tables
from tests import emulator
from tests.unit.search_world import BagOfWords

OPERATOR = Principal("operator", OF_ROLE["admin"], "k0")
LAUNCH = {"command": "node", "args": ["${bundle}/index.js"]}


@dataclass(frozen=True)
class Registry:
    emulator: emulator.Emulator
    dynamodb: Any
    catalog: Catalog
    editor: CatalogEditor
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
        """Remove every item of the catalog, tombstones and namespaces too."""
        table = tables.name("catalog")
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = {name: item[name] for name in ("server", "item")}
                self.dynamodb.delete_item(TableName=table, Key=key)


class IndexOfNow:
    """Stands in for a reader: gives an index of what is in the catalog now, so that no test has to wait."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._encoder = BagOfWords()

    def index(self) -> Index:
        return Index.build([document(server) for server in self._catalog.listed()], self._encoder)


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
        editor = CatalogEditor(dynamodb, tables.name("catalog"))
        ws_url, public_url = "wss://host", "https://host/"
        reader = cast("IndexReader", IndexOfNow(catalog))
        search = RegistrySearch(catalog, ServerViews(ws_url, public_url), reader, fresh_seconds=0)
        app = create_app(
            catalog, editor, keys, tickets, profiles, search=search, ws_url=ws_url, public_url=public_url
        )
        _, admin_key = keys.create("operator", "admin")
        yield Registry(aws, dynamodb, catalog, editor, keys, tickets, profiles, app, admin_key)


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an app on loopback; give its address."""
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        bound.close()


def put_server(dynamodb: Any, name: str, release: Release | None = None, **stated: Any) -> Server:
    """Put a server into the catalog itself, as an admin."""
    editor = CatalogEditor(dynamodb, tables.name("catalog"))
    entry = Entry(qualified_name=name, stated=stated, release=release)
    return editor.put(entry, OPERATOR).server


def publish(http: TestClient, name: str, **body: Any) -> dict[str, Any]:
    answer = http.put(f"/servers/{name}", json=body)
    assert answer.status_code in (200, 201), answer.text
    published: dict[str, Any] = answer.json()
    return published


def listed(http: TestClient, q: str = "", **params: Any) -> list[str]:
    answer = http.get("/servers", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [server["qualifiedName"] for server in answer.json()["servers"]]


def releases(one: Registry, folder: Path) -> Releases:
    table = ReleaseTable(one.dynamodb, tables.name("releases"), LocalSealer(bytes(32)))
    return Releases(table, Uploads(folder), stream_seconds=0.1)
