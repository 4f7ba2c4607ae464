"""Routes of a server's releases, for its owner and admins: ask for one, follow it, go back to one."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import StreamingResponse

from mooring import api_errors, edits, surface
from mooring.authentication import Publisher
from mooring.catalog import Catalog, not_found
from mooring.catalog_editor import CatalogEditor
from mooring.errors import Conflict, InvalidRequest, NotDeployed
from mooring.keys import Principal
from mooring.release_bodies import (
    ExternalPayload,
    HostedPayload,
    NewHostedRelease,
    NewScan,
    NewUpload,
    Payload,
    Sha256,
)
from mooring.release_stream import events
from mooring.release_table import ReleaseTable
from mooring.release_views import ReleaseViews
from mooring.releases import Document, Kind, live
from mooring.servers import Server
from mooring.servers_api import is_visible
from mooring.uploads import MAX_UPLOAD_BYTES, Uploads

Answer = dict[str, Any]
After = Annotated[int, Query(ge=0, le=10**8, description="The number of log lines that are known already.")]

_ONE = "/servers/{qualified_name:server}/releases/{release_id}"
_MAX_FORM_BYTES = MAX_UPLOAD_BYTES + 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_UNNAMED = "bundle.mcpb"
_NEW = TypeAdapter[NewHostedRelease](NewHostedRelease)
_PAYLOAD = TypeAdapter[ExternalPayload | HostedPayload | Any](Payload)


@dataclass(frozen=True)
class Releases:
    """What the routes work with; `stream_seconds` is how long one answer of events may take."""

    table: ReleaseTable
    uploads: Uploads
    stream_seconds: float = 25.0


Owned = Callable[[str, Principal], Server]
"""Returns the server of a name in a path, if the caller may see and change what is its owner's."""


def routes(
    catalog: Catalog, editor: CatalogEditor, releases: Releases, ws_url: str, public_url: str
) -> APIRouter:
    views = ReleaseViews(releases.table, ws_url)

    def owned(name: str, by: Principal) -> Server:
        server = catalog.record(unquote(name), is_latest=True)
        if server is None or server.deleted_at or not is_visible(server, by):
            raise not_found(unquote(name))
        edits.check_owner(server, by)
        return server

    router = APIRouter()
    router.include_router(_asking(releases, views, owned, public_url))
    router.include_router(_reading(releases, views, owned))
    router.include_router(_changing(releases.table, views, owned, editor))
    return router


def _asking(releases: Releases, views: ReleaseViews, owned: Owned, public_url: str) -> APIRouter:
    router = APIRouter()
    table, uploads = releases.table, releases.uploads

    @router.post("/uploads", status_code=201, responses={200: {"description": "It is there already."}})
    def request_upload(publisher: Publisher, body: NewUpload, response: Response) -> Answer:
        upload = uploads.wanted(body.sha256, body.size_bytes, public_url)
        if upload is None:
            response.status_code = 200
        return {"status": "wanted" if upload else "exists", "upload": upload}

    @router.put("/uploads/{sha256}", status_code=204)
    async def put_upload(publisher: Publisher, sha256: Sha256, request: Request) -> None:
        await uploads.put(request.stream(), sha256)

    @router.put("/servers/{qualified_name:server}/releases")
    async def put_release(publisher: Publisher, qualified_name: str, request: Request) -> Answer:
        server = await run_in_threadpool(owned, qualified_name, publisher)
        source, scan, kind = await _asked(request, server, uploads)
        if source["type"] == "upload" and not await run_in_threadpool(uploads.has, source["sha256"]):
            raise InvalidRequest("source.sha256: there is no such upload; POST /uploads says how to make it")
        record = await run_in_threadpool(table.request, server.name, source, publisher, kind, scan)
        return views.accepted(server, record)

    @router.post(f"{_ONE}/resume")
    @router.post(f"{_ONE}/retry")
    def retry_release(
        publisher: Publisher, qualified_name: str, release_id: str, body: NewScan | None = None
    ) -> Answer:
        server = owned(qualified_name, publisher)
        record = table.again(table.get(server.name, release_id), _scan(body))
        return views.accepted(server, record)

    return router


def _reading(releases: Releases, views: ReleaseViews, owned: Owned) -> APIRouter:
    router = APIRouter()
    table = releases.table

    @router.get("/servers/{qualified_name:server}/releases")
    def list_releases(
        publisher: Publisher,
        qualified_name: str,
        page: Annotated[int, Query(ge=1, le=1000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=100, alias="pageSize")] = 20,
    ) -> Answer:
        server = owned(qualified_name, publisher)
        return views.page(server, list(table.all(server.name, server.created_at)), page, page_size)

    @router.get(_ONE)
    def get_release(publisher: Publisher, qualified_name: str, release_id: str, after: After = 0) -> Answer:
        server = owned(qualified_name, publisher)
        return views.detailed(server, table.get(server.name, release_id), after)

    @router.get(f"{_ONE}/stream")
    def stream_release(
        publisher: Publisher, qualified_name: str, release_id: str, request: Request
    ) -> StreamingResponse:
        server = owned(qualified_name, publisher)
        record = table.get(server.name, release_id)
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isdigit() and len(last) < 9 else 0
        stream = events(table, views, server, record, after, releases.stream_seconds)
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @router.get(f"{_ONE}/changes")
    def compare_release(publisher: Publisher, qualified_name: str, release_id: str, to: str = "") -> Answer:
        server = owned(qualified_name, publisher)
        record = table.get(server.name, release_id)
        if not to:
            return {"changes": record.changes or []}
        other = table.get(server.name, to)
        return {"changes": [one.as_json() for one in surface.diff(other.offers or {}, record.offers or {})]}

    return router


def _changing(table: ReleaseTable, views: ReleaseViews, owned: Owned, editor: CatalogEditor) -> APIRouter:
    router = APIRouter()

    @router.post(f"{_ONE}/cancel")
    def cancel_release(publisher: Publisher, qualified_name: str, release_id: str) -> Answer:
        server = owned(qualified_name, publisher)
        return views.accepted(server, table.cancel(table.get(server.name, release_id)))

    @router.post(f"{_ONE}/rollback")
    def roll_back(publisher: Publisher, qualified_name: str, release_id: str) -> Answer:
        server = owned(qualified_name, publisher)
        record = table.get(server.name, release_id)
        if record.status != "SUCCESS":
            raise NotDeployed(f"release {record.id} is {record.status}: it was never live")
        changes = live(server, record)
        return views.accepted(editor.patch(server.name, changes, publisher), record)

    return router


async def _asked(
    request: Request, server: Server, uploads: Uploads
) -> tuple[Document, Document | None, Kind]:
    """Read the body of a request for a release: JSON of ours, or a form as Smithery's clients send it."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = _validated(_NEW, await request.body(), "")
        source = body.source.model_dump(by_alias=True)
        if source["type"] == "listed":
            source = _listed(server)
        return source, _scan(body), "stdio"
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _MAX_FORM_BYTES:
        raise InvalidRequest(f"the form must say its Content-Length, of at most {_MAX_FORM_BYTES} bytes")
    async with request.form(max_files=2, max_fields=4) as form:
        payload = _validated(_PAYLOAD, str(form.get("payload") or "").encode(), "payload.")
        if isinstance(payload, HostedPayload):
            raise InvalidRequest(
                "payload.type: modules of JavaScript are not hosted here; send a .mcpb bundle, or a source"
            )
        if isinstance(payload, ExternalPayload):
            headers = payload.scan_credentials
            return payload.source, {"headers": headers} if headers else None, "external_shttp"
        bundle = form.get("bundle")
        if not isinstance(bundle, UploadFile):
            raise InvalidRequest("bundle: the form has no such file; send the .mcpb bundle in it")
        source = {"type": "upload", "sha256": await uploads.put(_chunks(bundle)), "name": _UNNAMED}
        if payload.config_schema:
            source["configSchema"] = payload.config_schema
        return source, None, "stdio"


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK_BYTES):
        yield chunk


def _validated(adapter: TypeAdapter[Any], text: bytes, prefix: str) -> Any:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        found = api_errors.problems(error.errors())
        found = [{**problem, "field": f"{prefix}{problem['field']}"} for problem in found]
        raise InvalidRequest(api_errors.summary(found), {"errors": found}) from error


def _scan(body: NewScan | None) -> Document | None:
    return {"config": body.config} if body and body.config is not None else None


def _listed(server: Server) -> Document:
    """Return the source that is a listed server's own packages."""
    if not server.packages:
        raise Conflict(f"the catalog lists no package of {server.qualified_name}; give another source")
    document = {
        "name": server.qualified_name,
        "description": server.description[:100] or server.qualified_name,
        "version": server.version_name,
        "packages": json.loads(json.dumps(server.packages)),
    }
    return {"type": "server.json", "document": document}
