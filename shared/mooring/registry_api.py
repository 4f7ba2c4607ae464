"""The registry's HTTP API: search, look up and publish servers.

One app, three hosts: Lambda (`functions/registry_api`), uvicorn in the local run, the tests.
"""

from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import FastAPI, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mooring import __version__, access_api, api_errors, configuration, servers_query
from mooring.authentication import Admin, RequireKey
from mooring.catalog import Catalog
from mooring.keys import KeyTable
from mooring.profiles import ProfileTable
from mooring.server_views import ServerViews
from mooring.servers import Release, Server
from mooring.tickets import TicketTable

Answer = dict[str, Any]

_MAX_QUERY_CHARACTERS = 1000
_HEALTH = "/_/health"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class LaunchRule(_Body):
    command: Annotated[str, Field(min_length=1)]
    args: list[str] = []
    env: dict[str, str] = {}
    cwd: str | None = None


class NewRelease(_Body):
    # A worker makes it the name of a folder: no separator, no leading dot.
    bundle: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")] | None = None
    launch: LaunchRule
    config_schema: dict[str, Any] | None = None
    package: Annotated[str, Field(pattern=r"^(npm|pypi|oci):\S+$", max_length=300)] | None = None


class _About(_Body):
    display_name: Annotated[str, Field(max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    homepage: Annotated[str, Field(pattern=r"^(https?://\S+)?$", max_length=2000)] | None = None


class NewServer(_About):
    repository: Annotated[str, Field(max_length=2000)] | None = None
    license: Annotated[str, Field(max_length=200)] | None = None
    release: NewRelease | None = None


class ServerChanges(_About):
    tools: list[dict[str, Any]] | None = None
    prompts: list[dict[str, Any]] | None = None
    resources: list[dict[str, Any]] | None = None


def create_app(
    catalog: Catalog,
    keys: KeyTable,
    tickets: TicketTable,
    profiles: ProfileTable,
    *,
    ws_url: str,
    public_url: str,
) -> FastAPI:
    """Return the app; `ws_url` and `public_url` are what its connect URLs and its links start with."""
    views = ServerViews(ws_url, public_url)
    app = FastAPI(
        title="Mooring registry", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_middleware(RequireKey, keys=keys, open_paths=frozenset({_HEALTH}))
    api_errors.install(app)
    app.include_router(access_api.routes(keys, tickets, profiles))

    def detailed(server: Server) -> Answer:
        return views.detailed(server, catalog.use_count(server))

    @app.get(_HEALTH)
    async def health() -> Answer:
        return {"status": "ok"}

    @app.get("/servers")
    def list_servers(
        q: Annotated[str, Query(max_length=_MAX_QUERY_CHARACTERS)] = "",
        page: Annotated[int, Query(ge=1)] = 1,
        page_size: Annotated[int, Query(alias="pageSize", ge=1, le=100)] = 10,
    ) -> Answer:
        query = servers_query.parse(q)
        use_counts = catalog.use_counts()
        found = servers_query.select(catalog.list(), query, use_counts)
        shown = found[(page - 1) * page_size : page * page_size]
        return {
            "servers": [views.listed(server, use_counts.get(server.name, 0)) for server in shown],
            "pagination": {
                "currentPage": page,
                "pageSize": page_size,
                "totalPages": -(-len(found) // page_size),
                "totalCount": len(found),
            },
            **({"unknownFilters": query.unknown} if query.unknown else {}),
        }

    # The slash of a name may arrive as %2F: uvicorn decodes a path, Mangum hands it on as it came.
    @app.get("/servers/{qualified_name:path}")
    def get_server(qualified_name: str) -> Answer:
        return detailed(catalog.get(unquote(qualified_name)))

    @app.put("/servers/{qualified_name:path}")
    def put_server(admin: Admin, qualified_name: str, body: NewServer, response: Response) -> Answer:
        about = body.model_dump(exclude={"release"}, exclude_none=True)
        server = catalog.put_server(unquote(qualified_name), about, _release(body.release))
        response.status_code = 201 if server.version == 1 else 200
        return detailed(server)

    @app.patch("/servers/{qualified_name:path}")
    def patch_server(admin: Admin, qualified_name: str, body: ServerChanges) -> Answer:
        return detailed(catalog.patch(unquote(qualified_name), body.model_dump(exclude_none=True)))

    @app.delete("/servers/{qualified_name:path}", status_code=204)
    def delete_server(admin: Admin, qualified_name: str) -> None:
        catalog.delete(unquote(qualified_name))

    return app


def _release(body: NewRelease | None) -> Release | None:
    if body is None:
        return None
    if body.config_schema is not None:
        configuration.check_schema(body.config_schema)
    return Release(
        launch=body.launch.model_dump(exclude_none=True),
        bundle=body.bundle,
        config_schema=body.config_schema,
        package=body.package,
    )
