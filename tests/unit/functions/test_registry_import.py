from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from mooring.imports.read_api import Position
from mooring.server_bodies import Batch
from tests import other_registry
from tests.other_registry import OtherRegistry
from tests.unit.functions.loading import event, load

_MINUTE_MILLISECONDS = 60_000

Json = dict[str, Any]


class World:
    """The catalog and the place of the import, in memory."""

    def __init__(self, milliseconds: list[int]) -> None:
        self.servers: dict[str, Json] = {}
        self.positions: dict[str, Position] = {}
        self._milliseconds = iter(milliseconds)

    def put_batch(self, editor: object, batch: Batch, by: object) -> Json:
        for entry in batch.servers:
            self.servers[entry["qualifiedName"]] = entry
        return {"results": [{"outcome": "created"} for _ in batch.servers]}

    def get(self, registry: str) -> Position:
        return self.positions.get(registry, Position())

    def put(self, registry: str, position: Position) -> None:
        self.positions[registry] = position

    def get_remaining_time_in_millis(self) -> int:
        return next(self._milliseconds)


@pytest.fixture
def there() -> Iterator[OtherRegistry]:
    with other_registry.running() as registry:
        for number in range(7):
            registry.publish(f"io.github.acme/s{number}")
        yield registry


def loaded(there: OtherRegistry, world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("MOORING_IMPORT_FROM", there.url)
    app = load("registry_import", monkeypatch)
    monkeypatch.setattr(app, "positions", world)
    monkeypatch.setattr(app, "put_batch", world.put_batch)
    return app


def test_a_call_imports_every_page_and_the_next_one_what_has_changed(
    there: OtherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([_MINUTE_MILLISECONDS * 9] * 9)
    app = loaded(there, world, monkeypatch)

    assert app.handler(event("registry_import/scheduled"), world) == {"created": 7}
    assert app.handler(event("registry_import/scheduled"), world) == {}

    assert world.servers.keys() == {f"acme/s{number}" for number in range(7)}
    assert "updated_since" in there.asked[-1]


def test_a_call_that_runs_out_of_time_leaves_the_next_page_to_the_next_call(
    there: OtherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([_MINUTE_MILLISECONDS * 2, _MINUTE_MILLISECONDS - 1, _MINUTE_MILLISECONDS * 9])
    app = loaded(there, world, monkeypatch)

    assert app.handler(event("registry_import/scheduled"), world) == {"created": 6}
    assert app.handler(event("registry_import/scheduled"), world) == {"created": 1}

    assert [query.get("cursor") for query in there.asked] == [None, "io.github.acme/s2", "io.github.acme/s5"]


def test_a_call_that_fails_counts_as_failed_and_keeps_its_place(
    there: OtherRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World([_MINUTE_MILLISECONDS * 9] * 9)
    app = loaded(there, world, monkeypatch)
    there.refusals = [0, 503]

    with pytest.raises(ConnectionError):
        app.handler(event("registry_import/scheduled"), world)

    assert world.positions[there.url].cursor == "io.github.acme/s2"
