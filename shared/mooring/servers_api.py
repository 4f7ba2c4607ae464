"""The route that looks one server up."""

from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Response
from starlette.convertors import Convertor, register_url_convertor

from mooring.authentication import Reader
from mooring.catalog import Catalog, not_found
from mooring.edits import is_owner
from mooring.keys import Principal
from mooring.server_views import ServerViews
from mooring.servers import Server

Answer = dict[str, Any]


class _Name(Convertor[str]):
    """What follows `/servers/` where it is a name, or meant to be one; other routes have what is longer."""

    regex = "(?!batch$)[^/]+(/[^/]+)?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("server", _Name())


def routes(catalog: Catalog, views: ServerViews) -> APIRouter:
    router = APIRouter()

    # The slash of a name may arrive as %2F: uvicorn decodes a path, Mangum hands it on as it came.
    @router.get("/servers/{qualified_name:server}")
    def get_server(reader: Reader, qualified_name: str, response: Response) -> Answer:
        server = catalog.get(unquote(qualified_name))
        if not is_visible(server, reader):
            raise not_found(server.qualified_name)
        response.headers["ETag"] = etag(server)
        return views.detailed(server, catalog.use_count(server))

    return router


def is_visible(server: Server, reader: Principal) -> bool:
    """Return whether `reader` may look at a server that was not deleted."""
    return not server.unlisted or is_owner(server, reader)


def etag(server: Server) -> str:
    """Return the version of the record as `If-Match` takes it."""
    return f'"{server.version}"'
