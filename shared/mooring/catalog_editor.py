"""Changes of the catalog, each on behalf of a principal that must be allowed to make it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mooring import edits
from mooring.catalog import item_key, not_found
from mooring.catalog_records import Edit, Records
from mooring.clock import Clock, iso8601
from mooring.edits import Entry
from mooring.errors import Conflict, Forbidden, InvalidRequest, MooringError, ServerNotFound
from mooring.keys import Principal
from mooring.names import normalise
from mooring.namespaces import Namespaces, Write
from mooring.servers import Release, Server, release_item


class CatalogEditor:
    """`client` is a boto3 DynamoDB client. Names may come in any case and with a leading `@`.

    Every method raises InvalidRequest if a name is none or a record gets too large, Conflict if others kept
    changing the same record, and, where it takes an `expected` version, PreconditionFailed if it is another.
    """

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._records = Records(client, table, clock)
        self.namespaces = Namespaces(client, table, clock)

    def put(self, entry: Entry, by: Principal, *, expected: int | None = None) -> Edit:
        """Create a server, replace what its publisher says about it, or restore it.

        A release that differs from the current one becomes the current one. The scan, and the release where
        none is given, stay. The first server in a namespace makes its publisher the owner of that.

        Raises:
            Forbidden: the server or its namespace is another principal's.
            Conflict: the name of a deleted server is held for its owner.
        """
        owners: dict[str, str | None] = {}

        def change(known: Server | None) -> Server:
            now = self._clock()
            edits.check_version(known, expected)
            if known and not edits.is_free(known, by, now):
                edits.check_owner(known, by)
                return edits.put(known, entry, known.owner, now)
            owner = self._owner(entry, owners)
            if owner and owner != by.id and not by.may("admin"):
                raise _not_yours(_namespace(entry))
            if known:
                self._records.forget_history(known)
            return edits.put(None, entry, owner or by.id, now, version=known.version if known else 0)

        return self._records.change(entry.qualified_name, change, self._claims(entry, owners))

    def put_many(
        self, entries: Sequence[Entry], by: Principal, *, overwrite: bool = False
    ) -> list[Edit | MooringError | None]:
        """Bring in servers that are kept elsewhere; return what became of each.

        An error says why an entry was left out: `edits.Kept` if the record is not of this import, and not to
        be overwritten. None: what is gone there was not here.
        """
        known = self._records.many(entry.qualified_name for entry in entries)
        namespaces = {_namespace(entry) for entry in entries}
        owners = dict.fromkeys(namespaces) | self.namespaces.owners(namespaces)

        def bring(entry: Entry) -> Edit | MooringError | None:
            def change(before: Server | None) -> Server:
                owner = before.owner if before else self._owner(entry, owners) or by.id
                return edits.bring(before, entry, owner, self._clock(), overwrite=overwrite)

            try:
                return self._records.change(
                    entry.qualified_name, change, self._claims(entry, owners), known=known
                )
            except ServerNotFound:
                return None
            except (Conflict, InvalidRequest) as error:
                return error

        return [bring(entry) for entry in entries]

    def patch(
        self, name: str, changes: Mapping[str, Any], by: Principal, *, expected: int | None = None
    ) -> Server:
        """Set some fields of a server.

        Raises:
            ServerNotFound: there is none of that name.
            Forbidden: it is another principal's.
        """

        def change(known: Server | None) -> Server:
            if known is None or known.deleted_at:
                raise not_found(name)
            edits.check_owner(known, by)
            edits.check_version(known, expected)
            return replace(known, **changes)

        return self._records.change(name, change).server

    def keep_release(self, server: Server, release: Release) -> None:
        """Write down a release that is not live yet: its owner can connect to it."""
        item = {**item_key(server.name, f"release#{release.id}"), **release_item(release)}
        self._client.put_item(TableName=self._table, Item=item)

    def forget_release(self, server: str, release_id: str) -> None:
        """Forget one that is not live any more; nobody can go back to it then."""
        self._client.delete_item(TableName=self._table, Key=item_key(server, f"release#{release_id}"))

    def claim(self, name: str, principal: str, check: Callable[[Server], None]) -> Server:
        """Make `principal` the owner of a server that `check` lets go, by raising nothing.

        Of an imported one it gets the namespace too, if nobody else has a server there, and the namespace was
        nobody's or the owner's before: an import takes namespaces that mean nothing to the importer.

        Raises:
            ServerNotFound: there is none of that name.
        """
        before: list[str] = []

        def change(known: Server | None) -> Server:
            if known is None or known.deleted_at:
                raise not_found(name)
            check(known)
            before[:] = [known.owner]
            return replace(known, owner=principal, claimed_at=iso8601(self._clock()))

        def with_namespace(changed: Server) -> list[Write]:
            holder = self.namespaces.owner(changed.namespace)
            is_free = changed.source is not None and holder in (None, *before)
            if not is_free or self._has_servers_of_others(changed):
                return []
            return [self.namespaces.take(changed.namespace, principal, holder)]

        return self._records.change(name, change, with_namespace).server

    def _has_servers_of_others(self, server: Server) -> bool:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=(
                "#item = :server AND begins_with(#server, :within) AND #server <> :itself"
                " AND #owner <> :owner AND attribute_not_exists(deleted_at)"
            ),
            ProjectionExpression="#server",
            ExpressionAttributeNames={"#item": "item", "#server": "server", "#owner": "owner"},
            ExpressionAttributeValues={
                ":server": {"S": "server"},
                ":within": {"S": f"{server.namespace}/"},
                ":itself": {"S": server.name},
                ":owner": {"S": server.owner},
            },
        )
        return any(page["Items"] for page in pages)

    def delete(self, name: str, by: Principal, *, expected: int | None = None) -> None:
        """Make a server a tombstone, which its owner may restore by `put`; raises as `patch`."""
        self.patch(name, {"deleted_at": iso8601(self._clock())}, by, expected=expected)

    def give_namespace(self, namespace: str, owner: str, by: Principal) -> None:
        """Give a namespace, and the servers in it that were its owner's, to another principal.

        Raises:
            Forbidden: it is another principal's, or nobody's yet and `by` is no admin.
        """
        before = self.namespaces.owner(namespace)
        if before != by.id and not by.may("admin"):
            raise _not_yours(namespace)
        self.namespaces.give(namespace, owner)
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#item = :server AND begins_with(#server, :within) AND #owner = :before",
            ExpressionAttributeNames={"#item": "item", "#server": "server", "#owner": "owner"},
            ExpressionAttributeValues={
                ":server": {"S": "server"},
                ":within": {"S": f"{namespace}/"},
                ":before": {"S": before or ""},
            },
        )

        def change(known: Server | None) -> Server:
            assert known, "records are never removed"
            return replace(known, owner=owner)

        for name in [item["server"]["S"] for page in pages for item in page["Items"]]:
            self._records.change(name, change)

    def _owner(self, entry: Entry, owners: dict[str, str | None]) -> str | None:
        """Return who owns the namespace of an entry, by `owners` if it is there.

        That nobody does is believed once: after a lost race it is read again.
        """
        namespace = _namespace(entry)
        if namespace not in owners:
            owners[namespace] = self.namespaces.owner(namespace)
        return owners[namespace] or owners.pop(namespace)

    def _claims(self, entry: Entry, owners: dict[str, str | None]) -> Callable[[Server], list[Write]]:
        """Return what a new server is written with: its namespace, if that is new too."""

        def claims(changed: Server) -> list[Write]:
            if changed.version > 1 or owners.get(_namespace(entry)):
                return []
            return [self.namespaces.claim(_namespace(entry), changed.owner)]

        return claims


def _namespace(entry: Entry) -> str:
    return normalise(entry.qualified_name).partition("/")[0]


def _not_yours(namespace: str) -> Forbidden:
    return Forbidden(f"the namespace {namespace} belongs to another principal")
