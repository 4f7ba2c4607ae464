"""`functions/registry_import` on the tables of the emulator."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mooring.import_positions import ImportPositions
from mooring_local import tables
from tests import other_registry
from tests.integration.registry import Registry
from tests.other_registry import OtherRegistry
from tests.unit.functions.loading import event, load

pytestmark = pytest.mark.integration

SAVED = Path(__file__).parents[1] / "data" / "official_registry.json"


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def there() -> Iterator[OtherRegistry]:
    with other_registry.running() as registry:
        registry.known = {
            entry["server"]["name"]: entry
            for entry in reversed(json.loads(SAVED.read_text(encoding="utf-8"))["servers"])
        }
        yield registry


@pytest.fixture
def app(there: OtherRegistry, running_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("MOORING_IMPORT_FROM", there.url)
    app = load("registry_import", monkeypatch)
    dynamodb = running_registry.dynamodb
    monkeypatch.setattr(app, "editor", running_registry.editor)
    monkeypatch.setattr(app, "positions", ImportPositions(dynamodb, tables.name("catalog")))
    return app


def test_the_function_fills_the_catalog_and_remembers_where_it_was(
    app: ModuleType, there: OtherRegistry, running_registry: Registry
) -> None:
    assert app.handler(event("registry_import/scheduled"), Context()) == {"created": 3}
    assert {server.qualified_name for server in running_registry.catalog.listed()} == {
        "acme/tides",
        "acme/winds",
        "com.example/ledger",
    }
    assert app.handler(event("registry_import/scheduled"), Context()) == {}
    assert "updated_since" in there.asked[-1]
    running_registry.forget_servers()


def test_what_is_imported_is_given_on_under_its_name_there(
    app: ModuleType, there: OtherRegistry, running_registry: Registry
) -> None:
    app.handler(event("registry_import/scheduled"), Context())
    answer = running_registry.client().get("/v0.1/servers/io.github.acme%2Ftides/versions/latest").json()
    wanted = there.known["io.github.acme/tides"]["server"]
    assert answer["server"]["name"] == "io.github.acme/tides"
    assert answer["server"]["version"] == wanted["version"]
    assert answer["server"]["packages"] == list(reversed(wanted["packages"]))
    ledger = running_registry.client().get("/v0.1/servers/com.example%2Fledger/versions/latest").json()
    assert ledger["server"]["remotes"] == there.known["com.example/ledger"]["server"]["remotes"]
    running_registry.forget_servers()
