"""Who may use which route of the registry, row by row: what each gets who asks for it.

A route that is not in here makes `test_every_route.py` fail. To add one: its method and path as the app has
them, what is asked for in its place (see there what there is), and who may, with the status they get.
"""

from dataclasses import dataclass
from typing import Any

from tests.integration.registry import LAUNCH

Statuses = tuple[int, int, int, int, int]
"""Of a stranger without a key, a reader, a publisher, the owner of acme/weather, an admin."""

WHO = ("stranger", "reader", "publisher", "owner", "admin")


def anybody(status: int) -> Statuses:
    return (status, status, status, status, status)


def keyholders(status: int) -> Statuses:
    return (401, status, status, status, status)


def publishers(status: int, admin: int | None = None) -> Statuses:
    return (401, 403, status, status, admin or status)


def owners(status: int) -> Statuses:
    return (401, 403, 403, status, status)


def admins(status: int) -> Statuses:
    return (401, 403, 403, 403, status)


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    """As the app has it."""
    at: str
    """What is asked for."""
    statuses: Statuses
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.at}"


SERVER = "/servers/{qualified_name:server}"
RELEASES = SERVER + "/releases"
RELEASE = RELEASES + "/{release_id}"
SOURCE = {"type": "npm", "spec": "weather@1.0.0"}
OF_SERVER = "/servers/{qualified_name:path}"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
BUNDLE = {"digest": "0" * 64, "sizeBytes": 1, "sha256": "0" * 64, "platform": None}

TABLE = (
    Row("GET", "/_/health", "/_/health", anybody(200)),
    Row("GET", "/openapi.json", "/openapi.json", keyholders(200)),
    Row("HEAD", "/openapi.json", "/openapi.json", keyholders(200)),
    # Looking servers up.
    Row("GET", "/servers", "/servers?q=weather", keyholders(200)),
    Row("GET", "/tools", "/tools?q=weather", keyholders(200)),
    Row("GET", SERVER, "/servers/acme/weather", keyholders(200)),
    Row("GET", SERVER, "/servers/acme/hidden", (401, 404, 404, 200, 200)),
    Row("GET", "/v0.1/servers", "/v0.1/servers", keyholders(200)),
    Row(
        "GET",
        "/v0.1/servers/{server_name:path}/versions",
        "/v0.1/servers/acme%2Fweather/versions",
        keyholders(200),
    ),
    Row(
        "GET",
        "/v0.1/servers/{server_name:path}/versions/{version}",
        "/v0.1/servers/acme%2Fweather/versions/latest",
        keyholders(200),
    ),
    Row("POST", "/registry/mcp", "/registry/mcp", keyholders(200), INITIALIZE),
    # What only its owner may see and do.
    Row("GET", "/servers/{owner}/{name}/logs", "/servers/acme/weather/logs", owners(200)),
    Row("GET", "/sessions/{session_id}/logs", "/sessions/none/logs", publishers(404)),  # nobody's
    Row("PUT", SERVER, "/servers/acme/weather", owners(200), {"release": {"launch": LAUNCH}}),
    Row("PUT", SERVER, "/servers/acme/new", owners(201), {"release": {"launch": LAUNCH}}),
    Row("PUT", SERVER, "/servers/new/new", publishers(201), {"release": {"launch": LAUNCH}}),
    Row("PATCH", SERVER, "/servers/acme/weather", owners(200), {"license": "MIT"}),
    Row("DELETE", SERVER, "/servers/acme/weather", owners(204)),
    Row(
        "POST", OF_SERVER + "/transfer", "/servers/acme/weather/transfer", owners(200), {"principal": "owner"}
    ),
    Row(
        "POST",
        "/namespaces/{namespace}/transfer",
        "/namespaces/acme/transfer",
        owners(204),
        {"principal": "owner"},
    ),
    # Publishing.
    Row("GET", "/namespaces", "/namespaces", publishers(200)),
    Row("GET", "/bundles", "/bundles", publishers(200)),
    Row("POST", "/bundles", "/bundles", publishers(409), BUNDLE),  # this one takes none
    Row("POST", "/servers/batch", "/servers/batch", admins(200), {"servers": [{"qualifiedName": "a/b"}]}),
    # Releases of acme/weather: {release} is queued, and has logged something.
    # Builds elsewhere sign what they report; no key is good for that.
    Row("POST", "/_/builds/{release_id}/log", "/_/builds/r1/log?server=acme/weather", (401,) * 5, {}),
    Row("POST", "/uploads", "/uploads", publishers(201), {"sha256": "0" * 64, "sizeBytes": 1}),
    Row("PUT", "/uploads/{sha256}", "/uploads/" + "0" * 64, publishers(422), {"other": "content"}),
    Row("PUT", RELEASES, "/servers/acme/weather/releases", owners(200), {"source": SOURCE}),
    Row("GET", RELEASES, "/servers/acme/weather/releases", owners(200)),
    Row("GET", RELEASE, "/servers/acme/weather/releases/{release}", owners(200)),
    Row("GET", RELEASE + "/stream", "/servers/acme/weather/releases/{release}/stream", owners(200)),
    Row("GET", RELEASE + "/changes", "/servers/acme/weather/releases/{release}/changes", owners(200)),
    Row("POST", RELEASE + "/resume", "/servers/acme/weather/releases/{release}/resume", owners(409)),
    Row("POST", RELEASE + "/retry", "/servers/acme/weather/releases/{release}/retry", owners(409)),
    Row("POST", RELEASE + "/cancel", "/servers/acme/weather/releases/{release}/cancel", owners(200)),
    Row("POST", RELEASE + "/rollback", "/servers/acme/weather/releases/{release}/rollback", owners(409)),
    Row("GET", RELEASE, "/servers/acme/hidden/releases/{release}", (401, 403, 404, 404, 404)),  # none of its
    # Claims. The admin has listed listed/tides, the publisher waits to get it.
    Row(
        "POST",
        OF_SERVER + "/claims",
        "/servers/listed/tides/claims",
        publishers(201, admin=409),
        {"method": "file"},
    ),
    Row("POST", OF_SERVER + "/claims", "/servers/acme/weather/claims", publishers(409), {"method": "file"}),
    Row("POST", OF_SERVER + "/claims/verify", "/servers/listed/tides/claims/verify", publishers(409)),
    Row("GET", "/claims", "/claims", admins(200)),
    Row(
        "POST",
        OF_SERVER + "/claims/approve",
        "/servers/listed/tides/claims/approve",
        admins(200),
        {"principal": "publisher"},
    ),
    Row(
        "POST",
        OF_SERVER + "/claims/reject",
        "/servers/listed/tides/claims/reject",
        admins(204),
        {"principal": "publisher"},
    ),
    # Keys, and what is one's own.
    Row("GET", "/whoami", "/whoami", keyholders(200)),
    Row("POST", "/keys", "/keys", admins(201), {"name": "new"}),
    Row("GET", "/keys", "/keys", admins(200)),
    Row("DELETE", "/keys/{key_id}", "/keys/none", admins(404)),
    Row("POST", "/tickets", "/tickets", keyholders(201)),
    Row("GET", "/profiles", "/profiles", keyholders(200)),
    Row("PUT", "/profiles/{name}", "/profiles/own", keyholders(200), {"config": {}}),
    Row("DELETE", "/profiles/{name}", "/profiles/own", keyholders(204)),
)
