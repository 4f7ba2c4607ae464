"""Every function may do what it has to: the emulator enforces the roles of template.yaml (AUTH).

A stub stands in for the worker; the functions, tables, keys and secrets are the deployed ones.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mooring.keys import KeyTable
from tests.cloud.deployment import Deployment, http_event

pytestmark = pytest.mark.integration

_REAPED_SECONDS = 30.0  # the function's start included
_INDEXED_SECONDS = 60.0  # two functions' starts included

CONNECTION = "L0SM9cOFvHcCIhw="
SERVER = {
    "displayName": "Echo",
    "release": {"launch": {"command": "echo"}, "configSchema": {"type": "object"}},
}


@dataclass
class Registry:
    """Calls the deployed registry with one key."""

    deployment: Deployment
    key: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        event = http_event(method, path, {"authorization": f"Bearer {self.key}"}, body)
        answer = self.deployment.invoke("RegistryApiFunction", event)
        assert 200 <= answer["statusCode"] < 300, answer
        return json.loads(answer["body"]) if answer["body"] else None


@pytest.fixture
def registry(deployment: Deployment) -> Registry:
    keys = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"])
    return Registry(deployment, keys.create("operator", "admin")[1])


@dataclass
class StubWorker:
    """Accepts everything and remembers what was called with which credential."""

    calls: list[tuple[str, str, str | None]] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _accept(self, status: int, content: bytes = b"") -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                calls.append((self.command, self.path, self.headers["authorization"]))
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                printed = {"lines": [], "next": 0, "more": False, "lost": False, "sessions": 1, "servers": []}
                self._accept(200, json.dumps(printed).encode())

            def do_PUT(self) -> None:
                self._accept(201)

            def do_POST(self) -> None:
                self._accept(202)

            def do_DELETE(self) -> None:
                self._accept(204)

            def log_message(self, format: str, *args: object) -> None: ...

        return Handler


@pytest.fixture(scope="module")
def worker(deployment: Deployment) -> Iterator[StubWorker]:
    stub = StubWorker()
    server = ThreadingHTTPServer(("127.0.0.1", 0), stub.handler())
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    deployment.client("dynamodb").put_item(
        TableName=deployment.resources["WorkersTable"],
        Item={
            "worker_id": {"S": "stub"},
            "address": {"S": f"http://127.0.0.1:{server.server_port}"},
            "used": {"N": "0"},
            "capacity": {"N": "10"},
            "lease": {"N": str(int(time.time()) + 600)},
            "draining": {"BOOL": False},
        },
    )
    yield stub
    server.shutdown()
    thread.join(10)
    server.server_close()


def websocket_event(
    route: str, *, query: dict[str, str] | None = None, body: str | None = None
) -> dict[str, Any]:
    """Return what API Gateway hands to the function of `route`."""
    return {
        "headers": {"Host": "ws.test"},
        "queryStringParameters": query,
        "requestContext": {
            "connectionId": CONNECTION,
            "routeKey": route,
            "messageId": "IbpIHfYyoAMCIhw=",
            "requestId": "IbpIHF36oAMF5gw=",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_the_registry_may_keep_servers_keys_tickets_and_profiles(registry: Registry) -> None:
    registry.call("PUT", "/servers/acme/kept", SERVER)
    registry.call("PATCH", "/servers/acme/kept", {"description": "echoes"})
    assert registry.call("GET", "/servers/acme/kept")["qualifiedName"].endswith("acme/kept")
    assert registry.call("GET", "/servers")["pagination"]["totalCount"] >= 1
    registry.call("DELETE", "/servers/acme/kept")
    batch = registry.call("POST", "/servers/batch", {"servers": [{"qualifiedName": "brought/in"}]})
    assert batch["counts"] == {"created": 1}
    assert {"name": "brought"} in registry.call("GET", "/namespaces")["namespaces"]
    assert registry.call("GET", "/v0.1/servers")["metadata"]["count"] >= 1
    key = registry.call("POST", "/keys", {"name": "client", "role": "client"})
    assert key["id"] in json.dumps(registry.call("GET", "/keys"))
    registry.call("DELETE", f"/keys/{key['id']}")
    registry.call("POST", "/tickets", {"config": {"apiKey": "k"}})
    registry.call("PUT", "/profiles/work", {"config": {"apiKey": "k"}})
    registry.call("GET", "/profiles")
    registry.call("DELETE", "/profiles/work")


@pytest.mark.parametrize("credential", ["key", "ticket", "profile"])
def test_a_session_goes_from_handshake_to_end(
    deployment: Deployment, registry: Registry, worker: StubWorker, credential: str
) -> None:
    worker.calls.clear()
    registry.call("PUT", "/servers/acme/echo", SERVER)
    query = {"_server": "acme/echo"}
    if credential == "ticket":
        query["ticket"] = registry.call("POST", "/tickets", {"config": {"apiKey": "k"}})["ticket"]
    else:
        query["api_key"] = registry.key
    if credential == "profile":
        registry.call("PUT", "/profiles/work", {"config": {"apiKey": "k"}})
        query["profile"] = "work"

    opened = deployment.invoke("WsConnectFunction", websocket_event("$connect", query=query))
    assert opened["statusCode"] == 200, opened
    frame = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    assert (
        deployment.invoke("WsDefaultFunction", websocket_event("$default", body=frame))["statusCode"] == 200
    )
    assert deployment.invoke("WsDisconnectFunction", websocket_event("$disconnect"))["statusCode"] == 200

    secret = deployment.client("secretsmanager").get_secret_value(
        SecretId=deployment.resources["WorkerSecret"]
    )
    assert [(method, authorization) for method, _, authorization in worker.calls] == [
        (method, f"Bearer {secret['SecretString']}") for method in ("PUT", "POST", "DELETE")
    ]
    rows = deployment.client("dynamodb").scan(TableName=deployment.resources["SessionsTable"])["Items"]
    assert rows == []


def test_the_registry_may_ask_the_workers_what_children_print(
    deployment: Deployment, registry: Registry, worker: StubWorker
) -> None:
    registry.call("PUT", "/servers/acme/echo", SERVER)

    assert registry.call("GET", "/servers/acme/echo/logs")["sessions"] == 1

    secret = deployment.client("secretsmanager").get_secret_value(
        SecretId=deployment.resources["WorkerSecret"]
    )
    method, target, authorization = worker.calls[-1]
    assert (method, target.partition("?")[0]) == ("GET", "/logs")
    assert authorization == f"Bearer {secret['SecretString']}"


def test_a_handshake_notes_that_a_key_is_used(
    deployment: Deployment, registry: Registry, worker: StubWorker
) -> None:
    registry.call("PUT", "/servers/acme/echo", SERVER)
    keys = KeyTable(deployment.client("dynamodb"), deployment.resources["KeysTable"])
    key, secret = keys.create("fresh", "client")
    query = {"_server": "acme/echo", "api_key": secret}
    opened = deployment.invoke("WsConnectFunction", websocket_event("$connect", query=query))
    assert opened["statusCode"] == 200, opened
    assert deployment.invoke("WsDisconnectFunction", websocket_event("$disconnect"))["statusCode"] == 200
    assert next(one.last_used_at for one in keys.list() if one.id == key.id)


def test_the_reaper_may_end_what_a_dead_worker_left(deployment: Deployment) -> None:
    dynamodb = deployment.client("dynamodb")
    texts = {"id": CONNECTION, "connection_id": CONNECTION, "session_id": "s1", "server": "acme/echo"}
    texts |= {"principal": "p", "worker_id": "dead", "worker_address": "http://127.0.0.1:9"}
    session = {name: {"S": text} for name, text in texts.items()} | {
        "expires_at": {"N": str(int(time.time()))}
    }
    worker = {"worker_id": {"S": "dead"}, "address": {"S": "http://127.0.0.1:9"}, "draining": {"BOOL": False}}
    numbers = {name: {"N": "1"} for name in ("used", "capacity", "lease")}
    dynamodb.put_item(TableName=deployment.resources["SessionsTable"], Item=session)
    dynamodb.put_item(TableName=deployment.resources["WorkersTable"], Item=worker | numbers)

    name = deployment.resources["SessionReaperFunction"]  # it goes on for a minute: nobody waits for its end
    deployment.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

    keys = {"SessionsTable": {"id": {"S": CONNECTION}}, "WorkersTable": {"worker_id": {"S": "dead"}}}
    deadline = time.monotonic() + _REAPED_SECONDS
    for table, key in keys.items():
        while "Item" in dynamodb.get_item(TableName=deployment.resources[table], Key=key):
            assert time.monotonic() < deadline, f"still in the {table}"
            time.sleep(0.1)  # there is nothing to wait on but the table


def test_a_published_server_is_indexed_and_found_by_what_it_is_about(
    deployment: Deployment, registry: Registry
) -> None:
    registry.call("PUT", "/servers/acme/barometer", {"description": "Weather forecasts for sailors"})
    deadline = time.monotonic() + _INDEXED_SECONDS
    while not registry.call("GET", "/servers?q=sailing+weather")["servers"]:
        assert time.monotonic() < deadline, "not in the index"
        time.sleep(0.2)  # there is nothing to wait on but the answer
