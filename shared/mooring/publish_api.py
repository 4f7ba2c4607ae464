"""Routes of publishers: create, change, delete and hand over servers and namespaces."""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Header, Path, Response

from mooring.authentication import Admin, Publisher
from mooring.bundle_uploads import Bundles
from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.errors import InvalidRequest
from mooring.keys import KeyTable
from mooring.server_batches import put_batch
from mooring.server_bodies import Batch, NewServer, ServerChanges, Transfer
from mooring.server_views import ServerViews
from mooring.servers import Server
from mooring.servers_api import etag

Answer = dict[str, Any]
IfMatch = Annotated[str | None, Header(pattern=r'^"?[0-9]{1,15}"?$', description="The `ETag` of GET.")]
Namespace = Annotated[str, Path(pattern=r"^@?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


def routes(
    catalog: Catalog, editor: CatalogEditor, keys: KeyTable, views: ServerViews, bundles: Bundles
) -> APIRouter:
    router = APIRouter()

    def detailed(server: Server, response: Response) -> Answer:
        response.headers["ETag"] = etag(server)
        return views.detailed(server, catalog.use_count(server))

    @router.post("/servers/batch")
    def put_servers(admin: Admin, body: Batch) -> Answer:
        return put_batch(editor, body, admin, bundles)

    @router.post("/servers/{qualified_name:path}/transfer")
    def transfer_server(
        publisher: Publisher, qualified_name: str, body: Transfer, response: Response
    ) -> Answer:
        _check_principal(keys, body.principal)
        server = editor.patch(unquote(qualified_name), {"owner": body.principal}, publisher)
        return detailed(server, response)

    @router.put(
        "/servers/{qualified_name:server}", responses={201: {"description": "There was none of that name."}}
    )
    def put_server(
        publisher: Publisher,
        qualified_name: str,
        body: NewServer,
        response: Response,
        if_match: IfMatch = None,
    ) -> Answer:
        body.check(publisher)
        entry = body.entry(unquote(qualified_name))
        bundles.check(entry.release)
        edit = editor.put(entry, publisher, expected=_version(if_match))
        response.status_code = 201 if edit.outcome == "created" else 200
        return detailed(edit.server, response)

    @router.patch("/servers/{qualified_name:server}")
    def patch_server(
        publisher: Publisher,
        qualified_name: str,
        body: ServerChanges,
        response: Response,
        if_match: IfMatch = None,
    ) -> Answer:
        body.check(publisher)
        changes = body.changes()
        return detailed(
            editor.patch(unquote(qualified_name), changes, publisher, expected=_version(if_match)), response
        )

    @router.delete("/servers/{qualified_name:server}", status_code=204)
    def delete_server(publisher: Publisher, qualified_name: str, if_match: IfMatch = None) -> None:
        editor.delete(unquote(qualified_name), publisher, expected=_version(if_match))

    @router.get("/namespaces")
    def list_namespaces(publisher: Publisher) -> Answer:
        return {"namespaces": [{"name": name} for name in editor.namespaces.of(publisher.id)]}

    @router.post("/namespaces/{namespace}/transfer", status_code=204)
    def transfer_namespace(publisher: Publisher, namespace: Namespace, body: Transfer) -> None:
        _check_principal(keys, body.principal)
        editor.give_namespace(namespace.removeprefix("@").lower(), body.principal, publisher)

    return router


def _check_principal(keys: KeyTable, principal: str) -> None:
    if principal not in {key.principal for key in keys.list()}:
        raise InvalidRequest("principal: no key speaks for this one; POST /keys makes one that does")


def _version(if_match: str | None) -> int | None:
    return None if if_match is None else int(if_match.strip('"'))
