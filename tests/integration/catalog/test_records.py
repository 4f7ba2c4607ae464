"""The catalog's record on DynamoDB's API (`mooring.catalog_records`): races, history, many pages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.edits import Entry
from mooring.errors import Conflict, PreconditionFailed, ServerNotFound
from mooring.servers import Release, server_item
from mooring_local import tables
from tests.integration.catalog.world import Clock, Put, kept
from tests.integration.registry import OPERATOR, put_server

pytestmark = pytest.mark.integration

RELEASE = Release(launch={"command": "node"}, config_schema={"type": "object"})


class Racing:
    """A DynamoDB client on which, before each write of ours, somebody else has changed the same server."""

    def __init__(self, client: Any, losses: int) -> None:
        self._client = client
        self.losses = losses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        self._lose()
        return self._client.put_item(**request)

    def transact_write_items(self, **request: Any) -> Any:
        self._lose()
        return self._client.transact_write_items(**request)

    def _lose(self) -> None:
        if self.losses:
            self.losses -= 1
            put_server(self._client, "acme/weather", license=f"rival-{self.losses}")


def test_what_was_put_is_read_back_whatever_the_spelling(put: Put, catalog: Catalog) -> None:
    server = put("@Acme/Weather", RELEASE, display_name="W", description="d")
    assert (server.qualified_name, server.version, server.owner) == ("Acme/Weather", 1, "operator")
    assert list(catalog.listed()) == [server]
    for name in ("acme/weather", "@ACME/WEATHER"):
        assert catalog.get(name) == server


def test_the_same_again_writes_nothing(put: Put) -> None:
    first = put("acme/weather", RELEASE, description="d")
    assert put("acme/weather", RELEASE, description="d") == first


def test_a_new_release_becomes_the_current_one_and_the_old_one_history(put: Put, dynamodb: Any) -> None:
    first = put("acme/weather", RELEASE).release
    second = put("acme/weather", Release(launch={"command": "deno"})).release
    assert first and second and first.id != second.id
    assert kept(dynamodb, "acme/weather").count("release") == 2


def test_a_version_that_is_over_is_kept_without_its_scan(put: Put, catalog: Catalog) -> None:
    first = put("acme/weather", stated_version="1.0.0", description="old", tools=[{"name": "t"}])
    put("acme/weather", stated_version="1.0.0", description="of the same version")
    put("acme/weather", stated_version="2.0.0")
    put("acme/weather", stated_version="1.1.0")
    latest = catalog.get("acme/weather")
    past = catalog.past_versions(latest)
    assert [one.version_name for one in past] == ["2.0.0", "1.0.0"]
    assert (past[1].description, past[1].tools) == ("of the same version", None)
    assert latest.tools == first.tools


@pytest.mark.parametrize("is_new", [True, False])
def test_who_loses_a_race_tries_again_on_what_the_winner_wrote(
    put: Put, catalog: Catalog, dynamodb: Any, is_new: bool
) -> None:
    if not is_new:
        put("acme/weather")
    ours = put_server(Racing(dynamodb, losses=1), "acme/weather", RELEASE, license="MIT")
    assert ours.version == (2 if is_new else 3)
    assert catalog.get("acme/weather") == ours


def test_who_keeps_losing_is_told(put: Put, catalog: Catalog, dynamodb: Any) -> None:
    put("acme/weather")
    with pytest.raises(Conflict):
        put_server(Racing(dynamodb, losses=2), "acme/weather", license="MIT")
    assert catalog.get("acme/weather").license == "rival-0"


def test_of_changes_at_the_same_time_none_is_lost_unseen(
    put: Put, editor: CatalogEditor, catalog: Catalog
) -> None:
    put("acme/weather")

    def change(number: int) -> bool:
        try:
            editor.patch("acme/weather", {"description": str(number)}, OPERATOR)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(change, range(16)))
    assert accepted >= 1
    assert catalog.get("acme/weather").version == 1 + accepted


def test_a_change_may_ask_for_the_version_it_has_seen(put: Put, editor: CatalogEditor) -> None:
    put("acme/weather")
    editor.patch("acme/weather", {"license": "MIT"}, OPERATOR, expected=1)
    for change in (
        lambda: editor.patch("acme/weather", {"license": "BSD"}, OPERATOR, expected=1),
        lambda: editor.delete("acme/weather", OPERATOR, expected=1),
        lambda: editor.put(Entry(qualified_name="acme/weather"), OPERATOR, expected=1),
        lambda: editor.put(Entry(qualified_name="acme/new"), OPERATOR, expected=1),
    ):
        with pytest.raises(PreconditionFailed):
            change()


def test_a_change_of_what_is_not_there_is_not_found(catalog: Catalog, editor: CatalogEditor) -> None:
    for change in (
        lambda: catalog.get("acme/weather"),
        lambda: editor.patch("acme/weather", {"tools": []}, OPERATOR),
        lambda: editor.delete("acme/weather", OPERATOR),
    ):
        with pytest.raises(ServerNotFound):
            change()


def test_a_list_over_several_pages_is_whole(put: Put, catalog: Catalog) -> None:
    """A Scan answers at most a megabyte; these are two and a half."""
    names = {f"acme/s{number}" for number in range(7)}
    for name in names:
        put(name, RELEASE, description="x" * 380_000)
    assert {server.name for server in catalog.listed()} == names
    assert {server.name for _, server, _ in catalog.walk()} == names


def test_a_walk_goes_on_after_any_key(put: Put, catalog: Catalog) -> None:
    for number in range(5):
        put(f"acme/s{number}", stated_version="1")
        put(f"acme/s{number}", stated_version="2")
    whole = list(catalog.walk())
    assert [(server.name, is_past) for _, server, is_past in whole].count(("acme/s0", True)) == 1
    assert len(whole) == 10
    for index, (key, _, _) in enumerate(whole):
        assert list(catalog.walk(key)) == whole[index + 1 :]
    for (_, server, _), (_, past, is_past) in zip(whole[::2], whole[1::2], strict=True):
        assert (is_past, past.name, past.version_name) == (True, server.name, "1")


def test_use_counts_come_from_the_usage_table_and_from_before(
    put: Put, catalog: Catalog, dynamodb: Any
) -> None:
    used, unused, imported = put("Acme/Used"), put("acme/unused"), put("acme/imported", uses_elsewhere=40)
    for name in ("acme/used", "acme/imported"):
        dynamodb.update_item(
            TableName=tables.name("usage"),
            Key={"server": {"S": name}},
            UpdateExpression="ADD use_count :n",
            ExpressionAttributeValues={":n": {"N": "3"}},
        )
    assert [catalog.use_count(server) for server in (used, unused, imported)] == [3, 0, 43]
    assert catalog.use_counts() == {"acme/used": 3, "acme/imported": 3}


def test_a_connect_reads_one_item(put: Put, catalog: Catalog, dynamodb: Any) -> None:
    """What ws_connect needs is in the server's item: the release with its launch rule and schema."""
    server = put("acme/weather", RELEASE)
    assert "release" in server_item(server)
    calls: list[str] = []
    dynamodb.meta.events.register(
        "before-call.dynamodb", lambda model, **_: calls.append(model.name), unique_id="c"
    )
    try:
        release = catalog.get("acme/weather").release
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb", unique_id="c")
    assert release == server.release
    assert calls == ["GetItem"]


def test_a_catalog_may_answer_from_what_it_has_just_read(put: Put, dynamodb: Any, clock: Clock) -> None:
    cached = Catalog(dynamodb, tables.name("catalog"), tables.name("usage"), clock, fresh_seconds=1.0)
    with pytest.raises(ServerNotFound):
        cached.get("acme/fresh")
    first = put("acme/fresh", RELEASE)
    assert cached.get("acme/fresh") == first  # that there was none is not remembered
    second = put("acme/fresh", RELEASE, description="new")
    assert cached.get("@Acme/Fresh") == first
    clock.now += 1.0
    assert cached.get("acme/fresh") == second
