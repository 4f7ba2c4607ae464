"""The routes of releases (`mooring.releases_api`): what they refuse, and what clients read."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring import uploads
from mooring.registry_api import create_app
from mooring.release_log import ReleaseLog
from mooring.release_table import ReleaseTable
from mooring.release_views import ReleaseViews
from mooring.releases import ReleaseRecord
from mooring.sealing import LocalSealer
from mooring.servers import Release
from mooring_local import tables
from tests.integration.registry import Registry, publish, releases

pytestmark = pytest.mark.integration

SERVER = "/servers/acme/weather"
PATH = f"{SERVER}/releases"
NPM = {"type": "npm", "spec": "weather"}


@pytest.fixture(scope="module")
def app_client(running_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    one = running_registry
    app = create_app(
        one.catalog,
        one.editor,
        one.keys,
        one.tickets,
        one.profiles,
        releases=releases(one, tmp_path_factory.mktemp("uploads")),
        ws_url="wss://host",
        public_url="https://host",
    )
    headers = {"Authorization": f"Bearer {one.admin_key}"}
    yield TestClient(app, headers=headers, raise_server_exceptions=False)


@pytest.fixture
def http(app_client: TestClient, running_registry: Registry) -> Iterator[TestClient]:
    publish(app_client, "acme/weather", description="d")
    yield app_client
    running_registry.forget_servers()


@pytest.fixture
def table(running_registry: Registry) -> ReleaseTable:
    return ReleaseTable(running_registry.dynamodb, tables.name("releases"), LocalSealer(bytes(32)))


def begun(http: TestClient, table: ReleaseTable) -> ReleaseRecord:
    """Ask for a release, and begin to work on it."""
    wanted = http.put(PATH, json={"source": NPM}).json()["id"]
    (queued,) = [one for one in table.queue() if one.id == wanted]
    found = table.take(queued)
    assert found
    return found[0]


def test_a_release_is_accepted_as_smitherys_clients_read_it(http: TestClient) -> None:
    answer = http.put(PATH, json={"source": NPM})
    assert answer.status_code == 200, answer.text
    accepted = answer.json()
    assert accepted["deploymentId"] == accepted["id"]
    assert accepted["status"] == "QUEUED"
    assert accepted["mcpUrl"] == "wss://host/acme/weather/ws"
    one = http.get(f"{PATH}/latest").json()
    assert one.items() >= {"id": accepted["id"], "type": "stdio", "logs": [], "nextLine": 0}.items()
    assert one["source"] == NPM


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "source"),
        ({"source": {"type": "docker", "image": "x"}}, "source"),
        ({"source": {"type": "git", "url": "ssh://host/a"}}, "source.git.url"),
        ({"source": NPM, "config": []}, "config"),
        ({"source": NPM, "secret": 1}, "secret"),
        ({"source": {"type": "upload", "sha256": "0" * 64, "name": "a.zip"}}, "source.sha256"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(http: TestClient, body: dict[str, Any], field: str) -> None:
    answer = http.put(PATH, json=body)
    assert answer.status_code == 422
    assert field in answer.json()["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_is_refused(http: TestClient, content: bytes) -> None:
    answer = http.put(PATH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "InvalidRequest"


def test_of_a_server_that_there_is_not_nothing_is_made(http: TestClient) -> None:
    answer = http.put("/servers/acme%2Fnothing/releases", json={"source": NPM})
    assert (answer.status_code, answer.json()["error"]) == (404, "ServerNotFound")


def test_a_file_is_uploaded_and_built(http: TestClient) -> None:
    content = b"an archive"
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = http.post("/uploads", json={"sha256": sha256, "sizeBytes": len(content)})
    assert (wanted.status_code, wanted.json()["status"]) == (201, "wanted")
    assert wanted.json()["upload"]["url"] == f"https://host/uploads/{sha256}"
    assert http.put(f"/uploads/{sha256}", content=b"another").status_code == 422
    assert http.put(f"/uploads/{sha256}", content=content).status_code == 204
    again = http.post("/uploads", json={"sha256": sha256, "sizeBytes": len(content)})
    assert (again.status_code, again.json()) == (200, {"status": "exists", "upload": None})
    source = {"type": "upload", "sha256": sha256, "name": "folder.tar.gz"}
    assert http.put(PATH, json={"source": source}).status_code == 200


def test_a_form_is_taken_as_smitherys_clients_send_it(http: TestClient, table: ReleaseTable) -> None:
    payload = {
        "type": "stdio",
        "runtime": "node",
        "serverCard": {"serverInfo": {"name": "a", "version": "1"}},
    }
    files = {"bundle": ("a.mcpb", b"zip", "application/octet-stream")}
    answer = http.put(PATH, data={"payload": json.dumps(payload)}, files=files)
    assert answer.status_code == 200, answer.text
    source = table.get("acme/weather", answer.json()["id"]).source
    assert source == {"type": "upload", "sha256": hashlib.sha256(b"zip").hexdigest(), "name": "bundle.mcpb"}


def test_credentials_for_the_scan_of_a_server_elsewhere_are_shown_to_nobody(
    http: TestClient, table: ReleaseTable
) -> None:
    payload = {
        "type": "external",
        "upstreamUrl": "https://host.example/mcp",
        "configSchema": {"type": "object"},
        "scanCredentials": {"Authorization": "Bearer open-sesame"},
    }
    answer = http.put(PATH, files={"payload": (None, json.dumps(payload))})
    assert answer.status_code == 200, answer.text
    shown = http.get(f"{PATH}/latest").json()
    assert (shown["type"], shown["upstreamUrl"]) == ("external_shttp", "https://host.example/mcp")
    assert "open-sesame" not in json.dumps(shown)
    (queued,) = [one for one in table.queue() if one.id == shown["id"]]
    found = table.take(queued)
    assert found
    assert found[1] == {"headers": {"Authorization": "Bearer open-sesame"}}


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ('{"type": "hosted", "stateful": true, "hasAuthAdapter": false}', "payload.type"),
        ('{"type": "external", "upstreamUrl": "ftp://x"}', "payload.external.upstreamUrl"),
        ('{"type": "external", "upstreamUrl": "https://x", "configSchema": {"type": 1}}', "configSchema"),
        ('{"type": "stdio", "runtime": "node"}', "bundle"),
        ("{", "payload."),
        ("", "payload."),
    ],
)
def test_a_wrong_form_is_refused_with_the_field(http: TestClient, payload: str, says: str) -> None:
    answer = http.put(PATH, files={"payload": (None, payload)})
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["message"]


def test_a_file_that_is_too_large_is_refused(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 10)
    files = {"bundle": ("a.mcpb", b"x" * 100)}
    answer = http.put(PATH, data={"payload": '{"type": "stdio"}'}, files=files)
    assert answer.status_code == 422
    assert "more than 10 bytes" in answer.json()["message"]


def test_the_list_has_pages_the_newest_first(http: TestClient) -> None:
    made = [http.put(PATH, json={"source": NPM}).json()["id"] for _ in range(3)]
    first = http.get(f"{PATH}?pageSize=2").json()
    assert len(first["releases"]) == 2
    total = first["pagination"]["totalCount"]
    assert first["pagination"] == {
        "currentPage": 1,
        "pageSize": 2,
        "totalPages": -(-total // 2),
        "totalCount": total,
    }
    whole = [one["id"] for one in http.get(f"{PATH}?pageSize=100").json()["releases"]]
    assert whole == sorted(whole, reverse=True)
    assert set(made) <= set(whole)
    assert http.get(f"{PATH}?page=99").json()["releases"] == []


def test_the_log_is_shown_from_a_line_on(http: TestClient, table: ReleaseTable) -> None:
    record = begun(http, table)
    log = ReleaseLog(table, record)
    log.begin("deploy")
    log.end("done")
    whole = http.get(f"{PATH}/{record.id}").json()
    assert [line["message"] for line in whole["logs"]] == ["Building", "done"]
    rest = http.get(f"{PATH}/{record.id}?after={whole['nextLine'] - 1}").json()
    assert [line["message"] for line in rest["logs"]] == ["done"]
    assert http.get(f"{PATH}/{record.id}?after=-1").status_code == 422


def test_a_stream_ends_with_the_release(http: TestClient, table: ReleaseTable) -> None:
    """`mooring.release_stream` tells what is there, and that it is over."""
    record = begun(http, table)
    ReleaseLog(table, record).begin("deploy")
    table.cancel(record)
    text = http.get(f"{PATH}/{record.id}/stream").text
    assert [line for line in text.splitlines() if line.startswith("event:")] == [
        "event: init",
        "event: complete",
    ]
    assert '"status": "CANCELLED"' in text


def test_a_stream_of_one_that_goes_on_ends_to_be_taken_up_again(
    http: TestClient, table: ReleaseTable
) -> None:
    record = begun(http, table)
    text = http.get(f"{PATH}/{record.id}/stream").text
    assert text.startswith("retry: ")
    assert "event: complete" not in text


def test_one_can_go_back_to_what_was_live_alone(
    http: TestClient, table: ReleaseTable, running_registry: Registry
) -> None:
    record = begun(http, table)
    assert http.post(f"{PATH}/{record.id}/rollback").status_code == 409
    release = Release(id=record.id, created_at=record.created_at, launch={"command": "node"})
    offers = {"tools": [{"name": "forecast", "inputSchema": {"type": "object"}}]}
    table.save(replace(record, status="SUCCESS", release=release, offers=offers))
    assert http.post(f"{PATH}/{record.id}/rollback").status_code == 200
    server = http.get(SERVER).json()
    assert [tool["name"] for tool in server["tools"]] == ["forecast"]
    found = running_registry.catalog.get("acme/weather")
    assert ReleaseViews(table, "wss://host").listed(found, table.get("acme/weather", record.id))["isCurrent"]


def test_what_the_catalog_lists_is_made_a_release(
    http: TestClient, table: ReleaseTable, tmp_path: Path
) -> None:
    assert http.put(PATH, json={"source": {"type": "listed"}}).status_code == 409
    package = {"registryType": "npm", "identifier": "weather", "transport": {"type": "stdio"}}
    publish(http, "acme/weather", packages=[package])
    answer = http.put(PATH, json={"source": {"type": "listed"}})
    assert answer.status_code == 200, answer.text
    source = table.get("acme/weather", answer.json()["id"]).source
    assert source["type"] == "server.json"
    assert source["document"]["packages"][0]["identifier"] == "weather"
