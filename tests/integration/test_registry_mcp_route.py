"""`POST /registry/mcp` itself: who may use it, both eras of the protocol, and what its tools return."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from mooring.errors import InvalidRequest
from mooring.indexing import CatalogIndexer
from mooring.mcp_api import PATH
from mooring.registry_api import create_app
from mooring.registry_search import RegistrySearch
from mooring.registry_tool_schemas import TOOLS
from mooring.registry_tools import RegistryTools, UnknownTool
from mooring.search.blobs import FolderBlobs
from mooring.search.reader import IndexReader
from mooring.server_views import ServerViews
from tests.integration.registry import LAUNCH, OPERATOR, Registry, publish
from tests.unit.search_world import BagOfWords

pytestmark = pytest.mark.integration

MODERN = "2026-07-28"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORECAST = {"name": "forecast", "description": "The weather of tomorrow", "inputSchema": SCHEMA}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def registry_with_an_index(
    running_registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client with the admin's key of a registry that can search four servers, one of them unlisted."""
    one, blobs = running_registry, FolderBlobs(tmp_path_factory.mktemp("index"))
    http = one.client()
    release = {"launch": LAUNCH, "configSchema": SCHEMA}
    publish(http, "Acme/Weather", description="Weather of sailors", release=release)
    publish(http, "acme/long", description="sailors " * 1000)
    publish(
        http, "other/remote", description="Tides", remotes=[{"type": "http", "url": "https://other.test/mcp"}]
    )
    publish(http, "acme/secret", description="Weather of spies", unlisted=True)
    http.patch("/servers/acme/weather", json={"tools": [FORECAST]}).raise_for_status()
    CatalogIndexer(one.catalog, blobs, BagOfWords()).rebuild()
    search = RegistrySearch(one.catalog, VIEWS, IndexReader(blobs, BagOfWords()))
    yield client_of(one, search)
    one.forget_servers()


VIEWS = ServerViews("wss://host", "https://host")


def client_of(
    one: Registry, search: RegistrySearch | None = None, public_url: str = "https://host"
) -> TestClient:
    app = create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        search=search,
        ws_url="wss://host",
        public_url=public_url,
    )
    headers = {"Authorization": f"Bearer {one.admin_key}", "Accept": "application/json, text/event-stream"}
    return TestClient(app, headers=headers)


def ask(http: TestClient, method: str, params: Json | None = None, **headers: str) -> httpx2.Response:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return http.post(PATH, json=message, headers=headers)


def call(http: TestClient, tool: str, **arguments: Any) -> Json:
    answer = ask(http, "tools/call", {"name": tool, "arguments": arguments})
    assert answer.status_code == 200, answer.text
    result: Json = answer.json()["result"]
    return result


def found(http: TestClient, tool: str, **arguments: Any) -> Json:
    result = call(http, tool, **arguments)
    assert not result["isError"], result
    content: Json = result["structuredContent"]
    return content


class TestWhoMayUseIt:
    def test_nobody_without_a_key(self, running_registry: Registry) -> None:
        http = running_registry.client("mk_none")
        answer = ask(http, "tools/list")
        assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_no_key_without_the_scope_read(self, running_registry: Registry) -> None:
        _, secret = running_registry.keys.create("wires", "client", scopes=["connect"])
        answer = ask(running_registry.client(secret), "tools/list")
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")

    @pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://host.evil.test", "http://host"])
    def test_no_page_from_elsewhere(self, running_registry: Registry, origin: str) -> None:
        """The Host header does not help: with DNS rebinding it agrees with the page."""
        http = client_of(running_registry)
        answer = ask(http, "tools/list", Origin=origin, Host=origin.rpartition("/")[2])
        assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")

    @pytest.mark.parametrize(
        ("public_url", "origin"),
        [
            ("https://host/", "https://HOST"),
            ("http://127.0.0.1:8484", "http://localhost:8484"),
            ("http://127.0.0.1:8484", "http://127.0.0.1:8484"),
        ],
    )
    def test_pages_of_its_own(self, running_registry: Registry, public_url: str, origin: str) -> None:
        http = client_of(running_registry, public_url=public_url)
        assert ask(http, "tools/list", Origin=origin).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
    def test_it_has_neither_streams_nor_sessions(self, running_registry: Registry, method: str) -> None:
        answer = client_of(running_registry).request(method, PATH)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


class TestProtocol:
    def test_a_client_that_shakes_hands_gets_its_version(self, running_registry: Registry) -> None:
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "c", "version": "1"},
        }
        http = client_of(running_registry)
        result = ask(http, "initialize", hello).json()["result"]
        assert result["protocolVersion"] == "2025-06-18"
        said = http.post(PATH, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (said.status_code, said.content) == (202, b"")
        assert "mcp-session-id" not in said.headers

    def test_a_client_without_handshake_names_version_and_method_in_headers(
        self, running_registry: Registry
    ) -> None:
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        http = client_of(running_registry)
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "server/discover"}
        result = ask(http, "server/discover", {"_meta": meta}, **headers).json()["result"]
        assert MODERN in result["supportedVersions"]
        mismatch = ask(http, "tools/list", {"_meta": meta}, **headers)
        assert mismatch.status_code == 400

    @pytest.mark.parametrize(
        ("body", "code"),
        [(b"{", -32700), (b"[]", -32602), (b"null", -32602), (b'{"jsonrpc":"2.0","id":1}', -32602)],
    )
    def test_what_is_no_message_is_a_client_error(
        self, running_registry: Registry, body: bytes, code: int
    ) -> None:
        headers = {"Content-Type": "application/json"}
        answer = client_of(running_registry).post(PATH, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)

    def test_a_body_over_128_kb_is_refused(self, running_registry: Registry) -> None:
        answer = ask(client_of(running_registry), "tools/list", {"filler": "x" * 130 * 1024})
        assert answer.status_code == 413

    def test_a_client_that_takes_no_json_is_told(self, running_registry: Registry) -> None:
        assert ask(client_of(running_registry), "tools/list", Accept="text/html").status_code == 406

    def test_importing_the_app_does_not_import_the_sdk(self) -> None:
        program = (
            "import sys; import mooring.registry_api; assert 'mcp' not in sys.modules; "
            "import mooring.mcp_server; assert 'mcp' in sys.modules"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.fixture
def http(registry_with_an_index: TestClient) -> TestClient:
    return registry_with_an_index


class TestTools:
    def test_tools_are_found_by_what_they_do(self, http: TestClient) -> None:
        (tool,) = found(http, "search_tools", query="weather tomorrow")["tools"]
        assert tool == {
            **FORECAST,
            "server": "Acme/Weather",
            "isDeployed": True,
            "connection": {"type": "ws", "url": "wss://host/Acme/Weather/ws", "configSchema": SCHEMA},
        }

    def test_a_server_elsewhere_is_found_with_its_own_address(self, http: TestClient) -> None:
        (server,) = found(http, "search_servers", query="tides")["servers"]
        assert server["connection"]["url"] == "https://other.test/mcp"

    def test_a_server_that_is_only_listed_has_no_connection(self, http: TestClient) -> None:
        (server,) = found(http, "search_servers", query="acme/long", limit=1)["servers"]
        assert (server["isDeployed"], server["connection"]) == (False, None)

    def test_a_list_shows_the_beginning_of_a_long_description(self, http: TestClient) -> None:
        (server,) = found(http, "search_servers", query="acme/long", limit=1)["servers"]
        assert (len(server["description"]), server["description"][-1]) == (500, "…")
        assert len(found(http, "get_server", qualifiedName="acme/long")["description"]) == 8000

    def test_the_limit_bounds_the_list_and_not_the_count(self, http: TestClient) -> None:
        answer = found(http, "search_servers", query="sailors", limit=1)
        assert (len(answer["servers"]), answer["totalCount"]) == (1, 2)

    def test_filters_are_understood_and_unknown_ones_reported(self, http: TestClient) -> None:
        answer = found(http, "search_servers", query="sailors is:deployed is:great")
        assert [server["qualifiedName"] for server in answer["servers"]] == ["Acme/Weather"]
        assert answer["notes"] == ["unknown filter, which filters nothing: is:great"]

    def test_an_unlisted_server_is_shown_to_its_owner_only(
        self, http: TestClient, running_registry: Registry
    ) -> None:
        names = [one["qualifiedName"] for one in found(http, "search_servers", query="spies")["servers"]]
        assert "acme/secret" not in names
        assert found(http, "get_server", qualifiedName="acme/secret")["qualifiedName"] == "acme/secret"
        _, secret = running_registry.new_principal()
        http_of_another = client_of(running_registry)
        http_of_another.headers["Authorization"] = f"Bearer {secret}"
        result = call(http_of_another, "get_server", qualifiedName="acme/secret")
        assert result["isError"]
        assert "no server acme/secret" in result["content"][0]["text"]

    @pytest.mark.parametrize(
        ("tool", "arguments", "reason"),
        [
            ("search_servers", {}, "query is required"),
            ("search_servers", {"query": 1}, "query must be of type string"),
            ("search_servers", {"query": "q" * 1001}, "query must have at most 1000 characters"),
            ("search_servers", {"query": "q", "limit": 0}, "limit must be at least 1"),
            ("search_tools", {"query": "q", "limit": 1.5}, "limit must be of type integer"),
            ("search_tools", {"query": "q", "page": 2}, "page is not a property"),
            ("get_server", {"qualifiedName": "a" * 203}, "qualifiedName must have at most 202 characters"),
            ("get_server", {"qualifiedName": "a/b/c"}, "qualifiedName must be owner/name"),
            ("get_server", {"qualifiedName": None}, "qualifiedName must be of type string"),
        ],
    )
    def test_arguments_that_do_not_fit_are_named(
        self, http: TestClient, tool: str, arguments: Json, reason: str
    ) -> None:
        result = call(http, tool, **arguments)
        assert result["isError"]
        assert reason in result["content"][0]["text"]

    @pytest.mark.parametrize(
        "query", ["", '"', "*", "NEAR(a b)", "AND", "-", "(", "\x00\x07", "%2F", "ünïcödé 天气", "q" * 1000]
    )
    def test_any_text_can_be_asked(self, http: TestClient, query: str) -> None:
        for tool in ("search_servers", "search_tools"):
            assert found(http, tool, query=query)["totalCount"] >= 0

    def test_the_tools_are_those_that_are_listed(self, running_registry: Registry) -> None:
        search = RegistrySearch(running_registry.catalog, VIEWS)
        tools = RegistryTools(running_registry.catalog, VIEWS, search)
        for tool in TOOLS:
            arguments = dict.fromkeys(tool["inputSchema"]["required"])
            with pytest.raises(InvalidRequest):
                tools.call(tool["name"], arguments, OPERATOR)
        with pytest.raises(UnknownTool):
            tools.call("no_tool", {}, OPERATOR)

    def test_half_of_a_surrogate_pair_is_refused(self, http: TestClient) -> None:
        """The SDK's parser for the handshake's era refuses it already; the other's does not."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": "search_servers", "arguments": {"query": "\ud800"}, "_meta": meta}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        headers = {
            "Content-Type": "application/json",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": "search_servers",
        }
        answer = http.post(PATH, content=body, headers=headers)
        assert answer.status_code == 200
        assert "Unicode" in answer.json()["result"]["content"][0]["text"]

    def test_without_an_index_names_are_compared_and_it_says_so(self, running_registry: Registry) -> None:
        http = client_of(running_registry)
        answer = found(http, "search_servers", query="acme/weather")
        assert answer["servers"][0]["qualifiedName"] == "Acme/Weather"
        assert "only names" in answer["notes"][0]
        assert call(http, "search_tools", query="weather")["isError"]
