from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from mooring.claims import Claims
from mooring.registry_api import create_app
from mooring_local import tables
from tests.integration.claims.claiming import Claiming, Clock
from tests.integration.registry import Registry
from tests.unit import public_world
from tests.unit.public_world import PublicWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def claiming(running_registry: Registry, world: PublicWorld) -> Iterator[Claiming]:
    one, clock = running_registry, Clock()
    app = create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        claims=Claims(one.dynamodb, tables.name("catalog"), one.editor, one.keys, world.proofs, clock),
        ws_url="wss://host",
        public_url="https://host",
    )
    world.forget()
    admin = TestClient(
        app, headers={"Authorization": f"Bearer {one.admin_key}"}, raise_server_exceptions=False
    )
    yield Claiming(one, world, clock, admin)
    one.forget_servers()
