"""Every route of the registry, asked for by everybody: what each may, and what nobody else gets to see.

There are acme/weather and the unlisted acme/hidden, which the principal `owner` has published, and
listed/tides, which an admin has imported and the principal `publisher` claims.
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from mooring.build_inputs import BuildInputs
from mooring.build_reports_api import BuildReports
from mooring.claims import Claims
from mooring.keys import Principal
from mooring.logs_api import ChildLogs
from mooring.registry_api import create_app
from mooring.registry_search import RegistrySearch
from mooring.release_table import ReleaseTable
from mooring.sealing import LocalSealer
from mooring.search.reader import IndexReader
from mooring.server_views import ServerViews
from mooring.workers import WorkerClient, WorkerTable
from mooring_local import tables
from tests.integration.registry import LAUNCH, IndexOfNow, Registry, publish, releases
from tests.integration.route_table import SOURCE, TABLE, WHO, Row
from tests.unit import public_world

pytestmark = pytest.mark.integration

SECRET_NAME = "OWNERS_SECRET_NAME"
LOGGED = "line-of-a-build"
PROFILE = "profile-of-the-owner"
MESSAGE = "message-to-the-operator"
MCP = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def app(running_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    one = running_registry
    logs = ChildLogs(
        WorkerTable(one.dynamodb, tables.name("workers")), WorkerClient("secret", timeout_seconds=1)
    )
    views = ServerViews("wss://host", "https://host")
    search = RegistrySearch(one.catalog, views, cast("IndexReader", IndexOfNow(one.catalog)), fresh_seconds=0)
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield create_app(
            *(one.catalog, one.editor, one.keys, one.tickets, one.profiles, logs, search),
            releases=releases(one, tmp_path_factory.mktemp("uploads")),
            build_reports=BuildReports(
                ReleaseTable(one.dynamodb, tables.name("releases"), LocalSealer(bytes(32))),
                BuildInputs(one.dynamodb, tables.name("releases"), "builder"),
                "secret",
            ),
            claims=Claims(one.dynamodb, tables.name("catalog"), one.editor, one.keys, world.proofs),
            ws_url="wss://host",
            public_url="https://host",
        )


@pytest.fixture(scope="module")
def people(app: FastAPI, running_registry: Registry) -> dict[str, TestClient]:
    keys = running_registry.keys
    secrets = {
        "stranger": "",
        "reader": keys.create("reader", "client", "reader")[1],
        "publisher": keys.create("publisher", "publisher", "publisher")[1],
        "owner": keys.create("owner", "publisher", "owner")[1],
        "admin": running_registry.admin_key,
    }
    return {
        who: TestClient(
            app,
            headers={**MCP, **({"Authorization": f"Bearer {secret}"} if secret else {})},
            raise_server_exceptions=False,
        )
        for who, secret in secrets.items()
    }


@dataclass
class World:
    """What there is; it is made anew for whoever comes after somebody who has changed it."""

    registry: Registry
    people: dict[str, TestClient]
    release: str = ""
    is_as_made: bool = False

    def ask(self, who: str, row: Row) -> Response:
        if not self.is_as_made:
            self._make()
        answer = self.people[who].request(
            row.method, row.at.replace("{release}", self.release), json=row.body
        )
        self.is_as_made = row.method in ("GET", "HEAD") or not answer.is_success
        return answer

    def _make(self) -> None:
        self.registry.forget_servers()
        release = {"launch": {**LAUNCH, "env": {SECRET_NAME: "${config.token}"}}}
        owner, admin = self.people["owner"], self.people["admin"]
        publish(owner, "acme/weather", description="Forecasts", release=release)
        publish(owner, "acme/hidden", unlisted=True, release=release)
        imported = {"source": {"registry": "r"}, "repository": "https://github.com/listed/tides"}
        publish(admin, "listed/tides", **imported)
        waits = {"method": "operator", "message": MESSAGE}
        self.people["publisher"].post("/servers/listed/tides/claims", json=waits).raise_for_status()
        table = ReleaseTable(self.registry.dynamodb, tables.name("releases"), LocalSealer(bytes(32)))
        record = table.request("acme/weather", SOURCE, Principal("owner", frozenset(), ""))
        table.log(record, 0, [{"at": record.created_at, "stage": "deploy", "level": "info", "text": LOGGED}])
        self.release = record.id
        self.registry.profiles.put(Principal("owner", frozenset(), ""), PROFILE, {"token": "secret"})


@pytest.fixture(scope="module")
def world(running_registry: Registry, people: dict[str, TestClient]) -> Iterator[World]:
    yield World(running_registry, people)
    running_registry.forget_servers()


def routes(of: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Return the method and path of every route, those of included routers too."""
    for route in of:
        inner = getattr(route, "original_router", route)
        if hasattr(inner, "routes"):
            assert not getattr(route, "path", ""), "a prefix, which this does not know"
            yield from routes(inner.routes)
        else:
            for method in route.methods:
                yield method, route.path


def test_every_route_is_in_the_table_and_no_other(app: FastAPI) -> None:
    assert sorted({(row.method, row.path) for row in TABLE}) == sorted(set(routes(app.routes)))


def test_the_app_that_is_asked_has_every_part(app: FastAPI) -> None:
    """An app that is made without a part has no routes for it."""
    wanted = inspect.signature(create_app).parameters
    parts: dict[str, Any] = {name: MagicMock() for name in wanted if name != "key_requests_per_minute"}
    whole = create_app(**parts | {"ws_url": "wss://host", "public_url": "https://host"})
    assert sorted(set(routes(app.routes))) == sorted(set(routes(whole.routes)))


@pytest.mark.parametrize("row", TABLE, ids=str)
@pytest.mark.parametrize("who", WHO)
def test_each_gets_just_this(world: World, row: Row, who: str) -> None:
    answer = world.ask(who, row)
    assert answer.status_code == row.statuses[WHO.index(who)], answer.text
    shown = answer.text + str(answer.headers)
    assert SECRET_NAME not in shown, "the names of a launch rule's variables are shown to nobody"
    if who != "owner":
        assert PROFILE not in shown
    if who not in ("owner", "admin"):
        assert LOGGED not in shown
    if who != "admin":
        assert MESSAGE not in shown
    if answer.status_code in (401, 403, 404) and row.method != "HEAD":
        assert answer.json().keys() <= {"error", "message"}
