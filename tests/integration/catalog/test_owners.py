"""Who may change the catalog (`mooring.namespaces`), and for whom the name of a deleted server is held."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.edits import Entry
from mooring.errors import Conflict, Forbidden, ServerNotFound
from mooring.keys import OF_ROLE, Principal
from mooring.servers import Release
from mooring_local import tables
from tests.integration.catalog.world import Clock, Put, kept
from tests.integration.registry import OPERATOR

pytestmark = pytest.mark.integration

RELEASE = Release(launch={"command": "node"})
ADA, EVE = (Principal(name, OF_ROLE["publisher"], f"key of {name}") for name in ("ada", "eve"))
DAY_SECONDS = 86_400.0


class TestOwners:
    def test_who_publishes_first_in_a_namespace_owns_it(self, editor: CatalogEditor) -> None:
        editor.put(Entry(qualified_name="Acme/Weather"), ADA)
        with pytest.raises(Forbidden):
            editor.put(Entry(qualified_name="acme/fetch"), EVE)
        assert editor.put(Entry(qualified_name="acme/tides"), OPERATOR).server.owner == "ada"
        assert editor.namespaces.of("ada") == ["acme"]
        assert editor.namespaces.owners({"acme", "other"}) == {"acme": "ada"}

    def test_of_two_that_come_at_once_one_owns_the_namespace(self, editor: CatalogEditor) -> None:
        def publish(by: Principal) -> bool:
            try:
                editor.put(Entry(qualified_name=f"acme/{by.id}"), by)
            except Forbidden:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(publish, (ADA, EVE))) == [False, True]

    def test_a_namespace_is_given_with_its_owner_s_servers(
        self, editor: CatalogEditor, catalog: Catalog
    ) -> None:
        for name in ("acme/weather", "acme/tides"):
            editor.put(Entry(qualified_name=name), ADA)
        editor.patch("acme/tides", {"owner": "third"}, ADA)
        with pytest.raises(Forbidden):
            editor.give_namespace("acme", "eve", EVE)
        editor.give_namespace("acme", "eve", ADA)
        assert [catalog.get(name).owner for name in ("acme/weather", "acme/tides")] == ["eve", "third"]
        assert editor.put(Entry(qualified_name="acme/new"), EVE).outcome == "created"

    def test_a_server_of_a_catalog_without_owners_is_the_admins(
        self, editor: CatalogEditor, dynamodb: Any, put: Put
    ) -> None:
        put("acme/weather")
        key = {"server": {"S": "acme/weather"}, "item": {"S": "server"}}
        dynamodb.update_item(
            TableName=tables.name("catalog"),
            Key=key,
            UpdateExpression="REMOVE #owner",
            ExpressionAttributeNames={"#owner": "owner"},
        )
        with pytest.raises(Forbidden):
            editor.put(Entry(qualified_name="acme/weather"), ADA)
        assert editor.put(Entry(qualified_name="acme/weather", stated={"license": "MIT"}), OPERATOR)


class TestTombstones:
    def test_a_deleted_server_is_found_by_nobody_and_restored_by_its_owner(
        self, editor: CatalogEditor, catalog: Catalog
    ) -> None:
        entry = Entry(qualified_name="acme/weather", stated={"description": "d"}, release=RELEASE)
        before = editor.put(entry, ADA).server
        editor.delete("Acme/Weather", ADA)
        assert list(catalog.listed()) == []
        with pytest.raises(ServerNotFound):
            catalog.get("acme/weather")
        with pytest.raises(ServerNotFound):
            editor.delete("acme/weather", ADA)
        restored = editor.put(Entry(qualified_name="acme/weather"), ADA)
        assert restored.outcome == "created"
        assert (restored.server.release, restored.server.created_at) == (before.release, before.created_at)
        assert catalog.get("acme/weather") == restored.server

    def test_the_name_is_held_for_30_days_and_then_free_without_its_past(
        self, editor: CatalogEditor, catalog: Catalog, dynamodb: Any, clock: Clock
    ) -> None:
        """The namespace is Eve's; the server was Ada's."""
        editor.put(Entry(qualified_name="acme/first"), EVE)
        editor.put(Entry(qualified_name="acme/weather", stated={"stated_version": "1"}, release=RELEASE), EVE)
        editor.patch("acme/weather", {"owner": "ada", "stated_version": "2"}, EVE)
        editor.delete("acme/weather", ADA)
        clock.now += 30 * DAY_SECONDS - 1
        with pytest.raises(Conflict):
            editor.put(Entry(qualified_name="acme/weather"), EVE)
        clock.now += 1
        with pytest.raises(Forbidden):
            editor.put(Entry(qualified_name="acme/weather"), Principal("third", EVE.scopes, "k"))
        taken = editor.put(Entry(qualified_name="Acme/Weather"), EVE).server
        assert (taken.owner, taken.release, taken.qualified_name) == ("eve", None, "Acme/Weather")
        assert kept(dynamodb, "acme/weather") == ["server"]
        assert catalog.get("acme/weather") == taken

    def test_an_unlisted_server_is_in_no_list_and_still_connected_to(
        self, put: Put, catalog: Catalog
    ) -> None:
        server = put("acme/weather", RELEASE, unlisted=True)
        assert list(catalog.listed()) == []
        assert catalog.get("acme/weather") == server
