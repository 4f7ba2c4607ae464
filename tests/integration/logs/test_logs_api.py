"""The registry's routes for what children print: who may read, in what order, and what is said of workers."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mooring.workers import WorkerTable
from mooring_local import tables
from tests.integration.logs.platform import WAIT_SECONDS, Platform, Worker
from tests.integration.registry import Registry, publish, put_server

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("path", ["/servers/acme/echo/logs", "/sessions/some/logs"])
def test_a_client_may_not_read(known: Registry, platform: Platform, path: str) -> None:
    _, key = known.new_principal()

    answer = platform.client(key).get(path)

    assert (answer.status_code, answer.json()["error"]) == (403, "Forbidden")


def test_an_owner_may_read_what_their_own_servers_print(
    known: Registry, platform: Platform, worker: Worker
) -> None:
    _, key = known.keys.create("ada", "publisher")
    http = platform.client(key)
    publish(http, "ada/tool")
    own, foreign = worker.start("ada/tool"), worker.start("acme/echo")

    assert http.get("/servers/ada/tool/logs").json()["sessions"] == 1
    assert http.get(f"/sessions/{own}/logs").json()["servers"] == ["ada/tool"]
    refused = http.get("/servers/acme/echo/logs")
    assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden")
    unknown = http.get(f"/sessions/{foreign}/logs")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "SessionNotFound")
    assert platform.client().get(f"/sessions/{foreign}/logs").status_code == 200


def test_nobody_but_an_admin_reads_of_a_server_that_is_deleted(
    known: Registry, platform: Platform, worker: Worker
) -> None:
    _, key = known.keys.create("bob", "publisher")
    http = platform.client(key)
    publish(http, "bob/tool")
    session_id = worker.start("bob/tool")
    assert http.delete("/servers/bob/tool").status_code == 204

    assert http.get(f"/sessions/{session_id}/logs").status_code == 404
    assert platform.client().get(f"/sessions/{session_id}/logs").status_code == 200


def test_an_unlisted_server_is_not_even_refused(known: Registry, platform: Platform) -> None:
    put_server(known.dynamodb, "acme/hidden", unlisted=True)
    _, key = known.keys.create("eve", "publisher")

    answer = platform.client(key).get("/servers/acme/hidden/logs")

    assert (answer.status_code, answer.json()["error"]) == (404, "ServerNotFound")


def test_a_session_or_server_that_is_not_there_is_404(platform: Platform, worker: Worker) -> None:
    session = platform.client().get("/sessions/none/logs")
    assert (session.status_code, session.json()["error"]) == (404, "SessionNotFound")

    server = platform.client().get("/servers/acme/nothing/logs")
    assert (server.status_code, server.json()["error"]) == (404, "ServerNotFound")


def test_a_server_that_is_called_logs_is_a_server(known: Registry, platform: Platform) -> None:
    put_server(known.dynamodb, "acme/logs")

    assert platform.client().get("/servers/acme/logs").json()["qualifiedName"] == "acme/logs"
    assert platform.client().get("/servers/acme/logs/logs").json()["lines"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lines=0", "lines"),
        ("lines=1001", "lines"),
        ("lines=many", "lines"),
        ("cursor=%00", "cursor"),
        ("cursor=e30", "cursor"),
        ("cursor=W10=", "cursor"),
        ("cursor=eyJ3IjotMX0=", "cursor"),
        ("cursor=eyJ3IjoiMSJ9", "cursor"),
        ("cursor=" + "W1tb" * 1900, "cursor"),
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_used_is_named(platform: Platform, query: str, field: str) -> None:
    answer = platform.client().get(f"/servers/acme/echo/logs?{query}")

    assert answer.status_code == 422
    assert answer.json()["message"].startswith(field)


def test_lines_of_several_workers_are_in_order_of_time(
    platform: Platform, new_worker: Callable[[], Worker]
) -> None:
    http = platform.client()
    workers = [new_worker(), new_worker()]
    sessions = [worker.start() for worker in workers]
    cursor = http.get("/servers/acme/echo/logs").json()["cursor"]
    for number in range(6):
        worker, session_id = workers[number % 2], sessions[number % 2]
        worker.call(session_id, "print", text=str(number))
        answer = until_lines(http, "/servers/acme/echo/logs", cursor, number + 1)

    assert [line["text"] for line in answer["lines"]] == list("012345")
    assert answer["sessions"] == 2
    last = http.get("/servers/acme/echo/logs", params={"lines": 2}).json()["lines"]
    assert [line["text"] for line in last] == ["4", "5"]


def until_lines(http: TestClient, path: str, cursor: str, wanted: int) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        answer: dict[str, Any] = http.get(path, params={"cursor": cursor}).json()
        if len(answer["lines"]) >= wanted:
            return answer
    raise AssertionError(f"not {wanted} lines: {answer}")


def test_a_cursor_goes_on_after_what_was_shown(known: Registry, platform: Platform, worker: Worker) -> None:
    put_server(known.dynamodb, "acme/logs")
    http = platform.client()
    path = f"/sessions/{(session_id := worker.start())}/logs"
    worker.call(session_id, "print", text="one\ntwo\nthree")
    cursor = http.get("/servers/acme/logs/logs").json()["cursor"]
    until_lines(http, path, cursor, 3)

    first = http.get(path, params={"cursor": cursor, "lines": 2}).json()
    second = http.get(path, params={"cursor": first["cursor"], "lines": 2}).json()

    assert [[line["text"] for line in page["lines"]] for page in (first, second)] == [
        ["one", "two"],
        ["three"],
    ]
    assert [first["more"], second["more"]] == [True, False]


def test_the_log_of_a_dead_worker_s_session_is_said_to_be_gone(platform: Platform, worker: Worker) -> None:
    http = platform.client()
    path = f"/sessions/{worker.start()}/logs"
    cursor = http.get(path).json()["cursor"]
    worker.process.kill()
    worker.process.wait()

    while_announced = http.get(path)
    worker.kill()
    forgotten = http.get(path, params={"cursor": cursor})

    for answer in (while_announced, forgotten):
        assert answer.status_code == 404
        assert f"gone with its worker, and so is its log ({worker.worker_id})" in answer.json()["message"]


def test_a_worker_that_does_not_answer_is_named(known: Registry, platform: Platform, worker: Worker) -> None:
    http = platform.client()
    session_id = worker.start()
    worker.crash(session_id, saying="still here")
    cursor = http.get("/servers/acme/echo/logs").json()["cursor"]
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        announce(known, "w-deaf", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        try:
            server = http.get("/servers/acme/echo/logs", params={"cursor": cursor}).json()
            session = http.get("/sessions/0123456789abcdef/logs")
        finally:
            WorkerTable(known.dynamodb, tables.name("workers")).forget("w-deaf")

    assert (server["silent"], server["gone"]) == (["w-deaf"], [])
    assert (session.status_code, session.json()["error"]) == (503, "WorkerUnavailable")
    assert "w-deaf" in session.json()["message"]


def announce(known: Registry, worker_id: str, address: str) -> None:
    row = {
        "worker_id": {"S": worker_id},
        "address": {"S": address},
        "used": {"N": "0"},
        "capacity": {"N": "1"},
        "lease": {"N": str(time.time() + 60)},
        "draining": {"BOOL": False},
    }
    known.dynamodb.put_item(TableName=tables.name("workers"), Item=row)
