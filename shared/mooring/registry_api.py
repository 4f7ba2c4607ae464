"""The registry's HTTP API: search, look up and publish servers.

One app, three hosts: Lambda (`functions/registry_api`), uvicorn in the local run, the tests.
"""

from typing import Any

from fastapi import FastAPI

from mooring import (
    __version__,
    access_api,
    api_errors,
    build_reports_api,
    bundles_api,
    claims_api,
    logs_api,
    mcp_api,
    openapi,
    publish_api,
    registry_v0,
    releases_api,
    search_api,
    servers_api,
    whoami_api,
)
from mooring.authentication import RequireKey
from mooring.build_reports_api import BuildReports
from mooring.bundle_uploads import Bundles
from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.claims import Claims
from mooring.keys import KeyTable
from mooring.logs_api import ChildLogs
from mooring.profiles import ProfileTable
from mooring.rate_limits import LimitRate, RateLimits
from mooring.registry_search import RegistrySearch
from mooring.registry_tools import RegistryTools
from mooring.releases_api import Releases
from mooring.server_views import ServerViews
from mooring.tickets import TicketTable

_HEALTH = "/_/health"


def create_app(
    catalog: Catalog,
    editor: CatalogEditor,
    keys: KeyTable,
    tickets: TicketTable,
    profiles: ProfileTable,
    logs: ChildLogs | None = None,
    search: RegistrySearch | None = None,
    bundles: Bundles | None = None,
    releases: Releases | None = None,
    build_reports: BuildReports | None = None,
    *,
    claims: Claims | None = None,
    ws_url: str,
    public_url: str,
    key_requests_per_minute: int = 0,
) -> FastAPI:
    """Return the app; `ws_url` and `public_url` are what its connect URLs and its links start with.

    Without `logs` or `claims` it has no routes for them, without `search` it compares names only, without
    `bundles` it takes none, without `releases` it makes none, without `build_reports` it hears of no build.
    `key_requests_per_minute` 0 is no limit.
    """
    views = ServerViews(ws_url, public_url)
    app = FastAPI(
        title="Mooring registry", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    if key_requests_per_minute:
        app.add_middleware(LimitRate, limits=RateLimits(key_requests_per_minute))
    open_below = build_reports_api.PATH if build_reports else None
    app.add_middleware(RequireKey, keys=keys, open_paths=frozenset({_HEALTH}), open_below=open_below)
    api_errors.install(app)
    openapi.install(app)

    @app.get(_HEALTH)
    async def health() -> dict[str, Any]:
        return {"status": "ok"}

    search = search or RegistrySearch(catalog, views)
    app.include_router(search_api.routes(search))  # first: routes are tried one after the other
    app.include_router(access_api.routes(keys, tickets, profiles))
    app.include_router(whoami_api.routes(editor.namespaces))
    if logs:
        app.include_router(logs_api.routes(catalog, logs))
    if claims:
        app.include_router(claims_api.routes(catalog, claims, views))
    app.include_router(registry_v0.routes(catalog))
    bundles = bundles or Bundles()
    app.include_router(bundles_api.routes(bundles))
    if releases:  # before what takes any name of a server
        app.include_router(releases_api.routes(catalog, editor, releases, ws_url, public_url))
    if build_reports:
        app.include_router(build_reports_api.routes(build_reports))
    app.include_router(publish_api.routes(catalog, editor, keys, views, bundles))
    app.include_router(servers_api.routes(catalog, views))
    app.router.routes.append(mcp_api.route(RegistryTools(catalog, views, search), public_url))
    return app
