"""From a built release to the live one (`mooring.rollouts`), with scans that say what a test wants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mooring.errors import MooringError, ScanFailed, WorkerUnavailable
from mooring.keys import Principal
from mooring.release_log import ReleaseLog
from mooring.release_table import Cancelled, ReleaseTable
from mooring.releases import ReleaseRecord
from mooring.rollouts import Rollout
from mooring.scanning import Scan
from mooring.sealing import LocalSealer
from mooring.servers import Release, Server
from mooring_local import tables
from tests.integration.registry import Registry, publish

pytestmark = pytest.mark.integration

NAME = "acme/weather"
SCAN = Scan(
    era="legacy",
    protocol_version="2025-11-25",
    server_info={"name": "weather", "title": "Weather", "description": "Tells it"},
    tools=[{"name": "forecast", "inputSchema": {"type": "object"}}],
)


@dataclass
class World:
    """A registry with acme/weather of ada; `answer` is what scans give or raise, `seen` what they got."""

    registry: Registry
    table: ReleaseTable
    ada: Principal
    answer: Scan | MooringError = SCAN
    seen: tuple[Any, ...] = ()
    on_scan: Callable[[], None] = lambda: None

    async def scan(self, url: Any, headers: dict[str, str]) -> Scan:
        self.seen = (url() if callable(url) else url, headers)
        self.on_scan()
        if isinstance(self.answer, Scan):
            return self.answer
        raise self.answer

    async def roll_out(
        self, record: ReleaseRecord, about: Any = None, scan: Any = None, kept: int = 5
    ) -> ReleaseRecord:
        one = self.registry
        rollout = Rollout(
            self.table, one.catalog, one.editor, one.tickets, "ws://host", self.scan, self.scan, kept=kept
        )
        return await rollout.finish(record, about or {}, scan or {}, ReleaseLog(self.table, record))

    def taken(self, source: Any = None, **schema: Any) -> ReleaseRecord:
        """Return a release in work that is built."""
        source = source or {"type": "npm", "spec": "weather"}
        self.table.request(NAME, source, self.ada)
        queued = self.table.queue()[-1]
        found = self.table.take(queued)
        assert found
        record = found[0]
        self.table.leave(record)
        release = Release(
            id=record.id,
            created_at=record.created_at,
            launch={"command": "node"},
            bundle="b",
            config_schema=schema,
        )
        return self.table.save(replace(record, release=release))

    @property
    def server(self) -> Server:
        found = self.registry.catalog.record(NAME, is_latest=True)
        assert found
        return found


@pytest.fixture
def world(running_registry: Registry) -> Iterator[World]:
    _, secret = running_registry.keys.create("ada", "publisher")
    publish(running_registry.client(secret), NAME)
    table = ReleaseTable(running_registry.dynamodb, tables.name("releases"), LocalSealer(bytes(32)))
    yield World(running_registry, table, running_registry.keys.verify(secret))
    running_registry.forget_servers()


async def test_what_was_scanned_is_live_and_described(world: World) -> None:
    done = await world.roll_out(world.taken(), {"homepage": "https://weather.example"})
    assert done.status == "SUCCESS"
    server = world.server
    assert server.release
    assert server.release.id == done.id
    assert server.tools == SCAN.tools
    assert (server.display_name, server.description) == ("Weather", "Tells it")
    assert server.homepage == "https://weather.example"
    assert (done.protocol_version, len(done.surface)) == ("2025-11-25", 64)


async def test_what_the_publisher_has_said_stays(world: World) -> None:
    world.registry.editor.patch(NAME, {"display_name": "Mine", "description": "Own words"}, world.ada)
    await world.roll_out(world.taken())
    assert (world.server.display_name, world.server.description) == ("Mine", "Own words")


async def test_it_is_scanned_under_its_own_id_with_made_up_values(world: World) -> None:
    schema = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}
    record = world.taken(**schema)
    await world.roll_out(record)
    url = world.seen[0]
    assert f"release={record.id}" in url
    ticket = url.partition("ticket=")[2].partition("&")[0]
    principal, config = world.registry.tickets.redeem(ticket)
    assert principal.id == world.ada.id
    assert config == {"key": "placeholder"}


async def test_a_key_that_may_only_publish_can_have_its_release_scanned(world: World) -> None:
    await world.roll_out(replace(world.taken(), scopes=("publish",)))
    ticket = world.seen[0].partition("ticket=")[2].partition("&")[0]
    principal, _ = world.registry.tickets.redeem(ticket)
    principal.require("connect")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (
            ScanFailed("it exited", {"advice": "list lazily", "needs": "config", "stderr": ["no key"]}),
            "FAILURE_SCAN",
        ),
        (ScanFailed("401", {"advice": "authorise", "needs": "auth"}), "AUTH_REQUIRED"),
        (WorkerUnavailable("no room"), "FAILURE_SCAN"),
    ],
)
async def test_a_scan_that_fails_leaves_what_is_live(world: World, error: MooringError, status: str) -> None:
    good = await world.roll_out(world.taken())
    world.answer = error
    bad = await world.roll_out(world.taken())
    assert bad.status == status
    assert bad.error
    assert bad.error["message"] == error.message
    assert world.server.release
    assert world.server.release.id == good.id
    lines, _ = world.table.lines(NAME, bad.id)
    assert any(line["level"] == "error" for line in lines)


async def test_one_that_is_cancelled_while_it_is_scanned_does_not_go_live(world: World) -> None:
    good = await world.roll_out(world.taken())
    record = world.taken()

    def cancel() -> None:
        world.table.cancel(world.table.get(NAME, record.id))

    world.on_scan = cancel
    with pytest.raises(Cancelled):
        await world.roll_out(record)
    assert world.server.release
    assert world.server.release.id == good.id


async def test_a_server_that_was_deleted_meanwhile_stays_deleted(world: World) -> None:
    record = world.taken()
    world.registry.editor.delete(NAME, world.ada)
    done = await world.roll_out(record)
    assert done.status == "FAILURE"
    assert world.server.deleted_at


async def test_one_whose_owner_has_changed_is_not_published(world: World) -> None:
    record = world.taken()
    world.registry.editor.patch(NAME, {"owner": "eve"}, world.ada)
    done = await world.roll_out(record)
    assert done.status == "FAILURE"
    assert world.server.release is None


async def test_what_runs_elsewhere_is_scanned_there(world: World) -> None:
    source = {"type": "external", "url": "https://host/mcp"}
    done = await world.roll_out(world.taken(source), scan={"headers": {"Authorization": "Bearer x"}})
    assert done.status == "SUCCESS"
    assert world.seen == ("https://host/mcp", {"Authorization": "Bearer x"})
    assert world.server.remotes == ({"type": "http", "url": "https://host/mcp"},)


async def test_changes_are_told_once_there_was_a_scan_before(world: World) -> None:
    first = await world.roll_out(world.taken())
    assert first.changes == []
    world.answer = replace(SCAN, tools=[{"name": "other", "inputSchema": {"type": "object"}}])
    second = await world.roll_out(world.taken())
    assert second.changes
    assert {(one["name"], one["change"]) for one in second.changes} == {
        ("forecast", "removed"),
        ("other", "added"),
    }


async def test_what_is_not_kept_any_more_cannot_be_connected_to(world: World) -> None:
    made = [await world.roll_out(world.taken(), kept=2) for _ in range(4)]
    kept = {record.id for record in world.table.all(NAME)}
    assert {made[-1].id} < kept
    assert len(kept) == 3  # two older ones, and the one that is published
    for record in made:
        if record.id in kept:
            assert world.registry.catalog.release(world.server, record.id).id == record.id
        else:
            with pytest.raises(MooringError, match="no release"):
                world.registry.catalog.release(world.server, record.id)
