"""Routes of the read API that MCP registries share, `/v0.1`: for clients that expect the official registry.

Each version of a server is an entry. `docs/registry.md` says how names are mapped.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Query

from mooring.authentication import Reader
from mooring.catalog import Catalog
from mooring.clock import iso8601
from mooring.errors import InvalidRequest, ServerNotFound
from mooring.instants import Instant
from mooring.keys import Principal
from mooring.server_json import candidates, entry, is_called, official_name
from mooring.servers import Server
from mooring.servers_api import is_visible

Answer = dict[str, Any]
Limit = Annotated[int, Query(ge=1, le=100)]
IncludeDeleted = Annotated[bool, Query()]

_LATEST = "latest"

_Walk = Iterator[tuple[dict[str, str], Server, bool]]
_Wanted = Callable[[Server, bool], bool]
"""Whether a version is wanted that is, or is not, a past one."""


def routes(catalog: Catalog) -> APIRouter:
    router = APIRouter(prefix="/v0.1")

    @router.get("/servers")
    def list_entries(
        reader: Reader,
        cursor: Annotated[str, Query(max_length=1000)] = "",
        limit: Limit = 30,
        search: Annotated[str, Query(max_length=200)] = "",
        updated_since: Instant | None = None,
        version: Annotated[str, Query(max_length=255)] = "",
        include_deleted: IncludeDeleted = False,
    ) -> Answer:
        since = iso8601(updated_since.timestamp()) if updated_since else ""
        text = search.lower()

        def is_wanted(server: Server, is_past: bool) -> bool:
            is_version = not version or (
                not is_past if version == _LATEST else server.version_name == version
            )
            is_found = text in f"{official_name(server)}\n{server.display_name}\n{server.description}".lower()
            return is_version and is_found

        with_deleted = include_deleted or bool(since)  # a mirror has to learn what is gone
        # A page with some that are passed over; most are where something is searched for.
        at_once = 1000 if text or since or version not in ("", _LATEST) else limit + limit // 2
        walk = catalog.walk(_decode(cursor) if cursor else None, since=since, at_once=at_once)
        return _page(catalog, walk, reader, limit, is_wanted, with_deleted)

    @router.get("/servers/{server_name:path}/versions")
    def list_versions(reader: Reader, server_name: str, include_deleted: IncludeDeleted = False) -> Answer:
        server = _find(catalog, reader, unquote(server_name), include_deleted)
        entries = [_entry(server, server, is_past=False)]
        entries += [_entry(past, server, is_past=True) for past in catalog.past_versions(server)]
        return {"servers": entries, "metadata": {"count": len(entries)}}

    @router.get("/servers/{server_name:path}/versions/{version}")
    def get_version(
        reader: Reader, server_name: str, version: str, include_deleted: IncludeDeleted = False
    ) -> Answer:
        server = _find(catalog, reader, unquote(server_name), include_deleted)
        wanted = unquote(version)
        if wanted in (_LATEST, server.version_name):
            return _entry(server, server, is_past=False)
        for past in catalog.past_versions(server):
            if past.version_name == wanted:
                return _entry(past, server, is_past=True)
        raise ServerNotFound(f"{official_name(server)} has no such version; /versions lists those it has")

    return router


def _page(
    catalog: Catalog, walk: _Walk, reader: Principal, limit: int, is_wanted: _Wanted, with_deleted: bool
) -> Answer:
    entries: list[Answer] = []
    current: Server | None = None
    for position, server, is_past in walk:
        if not is_past:
            current = server
        elif current is None or current.name != server.name:
            current = catalog.record(server.name)
        if current is None or (is_past and server.version_name == current.version_name):
            continue
        if not is_visible(current, reader) or (current.deleted_at and not with_deleted):
            continue
        if official_name(current) is None or not is_wanted(server, is_past):
            continue
        entries.append(_entry(server, current, is_past=is_past))
        if len(entries) == limit:
            return {
                "servers": entries,
                "metadata": {"count": limit, "nextCursor": _encode(position)},
            }
    return {"servers": entries, "metadata": {"count": len(entries)}}


def _entry(server: Server, current: Server, *, is_past: bool) -> Answer:
    return entry(server, is_latest=not is_past, is_deleted=bool(current.deleted_at))


def _find(catalog: Catalog, reader: Principal, name: str, with_deleted: bool) -> Server:
    for candidate in candidates(name):
        server = catalog.record(candidate)
        if server is None or not is_called(server, name) or (server.deleted_at and not with_deleted):
            continue
        if is_visible(server, reader):
            return server
    raise ServerNotFound("there is no server of that name; GET /v0.1/servers lists those there are")


def _encode(position: dict[str, str]) -> str:
    return base64.urlsafe_b64encode("\n".join((position["server"], position["item"])).encode()).decode()


def _decode(cursor: str) -> dict[str, str]:
    try:
        server, item = base64.urlsafe_b64decode(cursor).decode().split("\n")
        if server and item:
            return {"server": server, "item": item}
    except ValueError:
        pass
    raise InvalidRequest("cursor must be the nextCursor of an answer; leave it out to begin anew")
