"""The catalog's record on DynamoDB's API: races, history, many pages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mooring.catalog import Catalog
from mooring.errors import Conflict, ServerNotFound
from mooring.servers import Release, server_item
from mooring_local import tables
from tests import emulator

pytestmark = pytest.mark.integration

RELEASE = Release(launch={"command": "node"}, config_schema={"type": "object"})


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as aws, aws.client("dynamodb") as client:
        tables.create(client)
        yield client


@pytest.fixture
def catalog(dynamodb: Any) -> Iterator[Catalog]:
    catalog = Catalog(dynamodb, tables.name("catalog"), tables.name("usage"))
    yield catalog
    for server in catalog.list():
        catalog.delete(server.name)
    assert dynamodb.scan(TableName=tables.name("catalog"))["Items"] == []


def history(dynamodb: Any, server: str) -> list[str]:
    answer = dynamodb.query(
        TableName=tables.name("catalog"),
        KeyConditionExpression="#server = :server AND begins_with(#item, :release)",
        ExpressionAttributeNames={"#server": "server", "#item": "item"},
        ExpressionAttributeValues={":server": {"S": server}, ":release": {"S": "release#"}},
    )
    return [item["id"]["S"] for item in answer["Items"]]


class Racing:
    """A DynamoDB client on which, before each write of ours, somebody else has changed the same server."""

    def __init__(self, client: Any, rival: Catalog, losses: int) -> None:
        self._client = client
        self._rival = rival
        self.losses = losses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        if self.losses:
            self.losses -= 1
            self._rival.put_server("acme/weather", {"license": f"rival-{self.losses}"})
        return self._client.transact_write_items(**request)


def racing(dynamodb: Any, catalog: Catalog, losses: int) -> Catalog:
    return Catalog(Racing(dynamodb, catalog, losses), tables.name("catalog"), tables.name("usage"))


def test_a_put_is_read_back_whole(catalog: Catalog) -> None:
    put = catalog.put_server("@Acme/Weather", {"display_name": "W", "description": "d"}, RELEASE)
    assert catalog.get("ACME/weather") == put
    assert catalog.list() == [put]
    assert put.qualified_name == "Acme/Weather"
    assert put.release
    assert put.release.id
    assert put.version == 1


def test_the_same_release_again_makes_no_new_one(catalog: Catalog, dynamodb: Any) -> None:
    first = catalog.put_server("acme/weather", {}, RELEASE)
    again = catalog.put_server("acme/weather", {}, RELEASE)
    assert again.release == first.release
    assert again.created_at == first.created_at
    assert len(history(dynamodb, "acme/weather")) == 1


def test_a_new_release_becomes_the_current_one_and_the_old_one_history(
    catalog: Catalog, dynamodb: Any
) -> None:
    first = catalog.put_server("acme/weather", {}, RELEASE).release
    second = catalog.put_server("acme/weather", {}, Release(launch={"command": "deno"})).release
    assert first
    assert second
    assert catalog.get("acme/weather").release == second
    assert sorted(history(dynamodb, "acme/weather")) == sorted([first.id, second.id])


@pytest.mark.parametrize("existing", [True, False])
def test_a_lost_race_is_run_again_on_what_the_other_one_wrote(
    catalog: Catalog, dynamodb: Any, existing: bool
) -> None:
    if existing:
        catalog.put_server("acme/weather", {})
    ours = racing(dynamodb, catalog, losses=1).put_server("acme/weather", {"license": "MIT"}, RELEASE)
    assert catalog.get("acme/weather") == ours
    assert (ours.license, ours.version) == ("MIT", 3 if existing else 2)
    assert len(history(dynamodb, "acme/weather")) == 1


def test_a_patch_keeps_what_the_other_one_wrote(catalog: Catalog, dynamodb: Any) -> None:
    catalog.put_server("acme/weather", {})
    racing(dynamodb, catalog, losses=1).patch("acme/weather", {"tools": []})
    server = catalog.get("acme/weather")
    assert (server.license, server.tools) == ("rival-0", [])


def test_a_race_lost_twice_is_a_conflict(catalog: Catalog, dynamodb: Any) -> None:
    with pytest.raises(Conflict):
        racing(dynamodb, catalog, losses=2).put_server("acme/weather", {"license": "MIT"})
    assert catalog.get("acme/weather").license == "rival-0"


def test_concurrent_changes_are_all_there_or_refused(catalog: Catalog) -> None:
    catalog.put_server("acme/weather", {})

    def change(number: int) -> bool:
        try:
            catalog.patch("acme/weather", {"description": str(number)})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = sum(pool.map(change, range(16)))
    assert accepted >= 1
    assert catalog.get("acme/weather").version == 1 + accepted


def test_a_change_of_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    for change in (
        lambda: catalog.get("acme/weather"),
        lambda: catalog.patch("acme/weather", {"tools": []}),
        lambda: catalog.delete("acme/weather"),
    ):
        with pytest.raises(ServerNotFound):
            change()


def test_a_deleted_name_takes_its_history_with_it(catalog: Catalog, dynamodb: Any) -> None:
    for command in ("node", "deno", "bun"):
        catalog.put_server("acme/weather", {}, Release(launch={"command": command}))
    catalog.put_server("acme/weather-pro", {}, RELEASE)
    catalog.delete("Acme/Weather")
    assert history(dynamodb, "acme/weather") == []
    assert len(history(dynamodb, "acme/weather-pro")) == 1


def test_a_list_over_several_pages_is_whole(catalog: Catalog, dynamodb: Any) -> None:
    """A Scan answers at most a megabyte; these are two and a half."""
    names = {f"acme/s{number}" for number in range(7)}
    for name in names:
        catalog.put_server(name, {"description": "x" * 380_000}, RELEASE)
    assert {server.name for server in catalog.list()} == names


def test_use_counts_come_from_the_usage_table(catalog: Catalog, dynamodb: Any) -> None:
    used = catalog.put_server("Acme/Used", {})
    unused = catalog.put_server("acme/unused", {})
    dynamodb.update_item(
        TableName=tables.name("usage"),
        Key={"server": {"S": "acme/used"}},
        UpdateExpression="ADD use_count :n",
        ExpressionAttributeValues={":n": {"N": "3"}},
    )
    assert (catalog.use_count(used), catalog.use_count(unused)) == (3, 0)
    assert catalog.use_counts() == {"acme/used": 3}


def test_a_connect_reads_one_item(catalog: Catalog, dynamodb: Any) -> None:
    """What ws_connect needs is in the server's item: the release with its launch rule and schema."""
    put = catalog.put_server("acme/weather", {}, RELEASE)
    assert "release" in server_item(put)
    calls: list[str] = []
    dynamodb.meta.events.register(
        "before-call.dynamodb", lambda model, **_: calls.append(model.name), unique_id="c"
    )
    try:
        release = catalog.get("acme/weather").release
    finally:
        dynamodb.meta.events.unregister("before-call.dynamodb", unique_id="c")
    assert release == put.release
    assert calls == ["GetItem"]


def test_a_catalog_may_answer_from_what_it_has_just_read(catalog: Catalog, dynamodb: Any) -> None:
    now = [1000.0]
    cached = Catalog(
        dynamodb, tables.name("catalog"), tables.name("usage"), lambda: now[0], fresh_seconds=1.0
    )
    with pytest.raises(ServerNotFound):
        cached.get("acme/fresh")
    first = catalog.put_server("acme/fresh", {}, RELEASE)
    assert cached.get("acme/fresh") == first  # that there was none is not remembered
    second = catalog.put_server("acme/fresh", {"description": "new"}, RELEASE)
    assert cached.get("@Acme/Fresh") == first
    now[0] += 1.0
    assert cached.get("acme/fresh") == second
