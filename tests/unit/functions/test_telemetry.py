"""What the functions of the message path count, and the ids on the lines they log."""

import io
import json
from types import ModuleType
from typing import Any

import pytest

from mooring import admission
from mooring.errors import SessionNotFound, WorkerUnavailable
from mooring.observability import logger
from mooring.sessions import Session
from tests.unit.figures import figures, total
from tests.unit.functions.loading import event, load
from tests.unit.functions.test_session_reaper import Context, Reaper
from tests.unit.functions.test_ws_default import Path
from tests.unit.functions.world import World, connect

CONNECTION = "aZ3kPcKVoAMCIhw="
SESSION = Session(CONNECTION, "s1", "demo/time", "p1", "w1", "http://10.0.0.1:8080")
OWN_SESSION = "a" * 22
HELD = Session("before=", OWN_SESSION, "demo/time", "p1", "w1", "http://10.0.0.1:8080", True)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", stream)
    return stream


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def loaded(function: str, monkeypatch: pytest.MonkeyPatch, world: object, *names: str) -> ModuleType:
    monkeypatch.setenv("MOORING_METRICS", "true")
    monkeypatch.setenv("MOORING_STACK", "acme")
    app = load(function, monkeypatch)
    for name in names:
        monkeypatch.setattr(app, name, world)
    return app


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def connecting(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    names = ("catalog", "keys", "tickets", "profiles", "sessions", "worker_table", "workers")
    return loaded("ws_connect", monkeypatch, world, *names)


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def passing(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded("ws_default", monkeypatch, path, "sessions", "workers", "connections")


def test_a_start_is_counted_with_how_long_it_took(
    connecting: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect(connecting)["statusCode"] == 200
    (starts, latency) = figures(capsys.readouterr().out)
    assert starts == ("SessionStarts", 1, "Count", (("Stack", "acme"),))
    assert (latency[0], latency[2]) == ("StartLatency", "Milliseconds")
    assert latency[1] > 0


def test_a_session_that_goes_on_is_no_start(
    connecting: ModuleType, world: World, capsys: pytest.CaptureFixture[str], lines: io.StringIO
) -> None:
    world.resumable[OWN_SESSION] = HELD
    assert connect(connecting, session=OWN_SESSION)["statusCode"] == 200
    assert figures(capsys.readouterr().out) == []
    (line,) = logged(lines)
    assert (line["session_id"], line["worker_id"], line["starts_session"]) == (OWN_SESSION, "w1", False)


def test_a_refused_handshake_counts_by_its_status(
    connecting: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(connecting, api_key="mk_wrong")
    world.table_failure = OSError("no table")
    connect(connecting)
    output = capsys.readouterr().out
    assert total(output, "Errors") == 2
    assert [dimensions[1] for *_, dimensions in figures(output) if dimensions[1:]] == [
        ("code", "401"),
        ("code", "500"),
    ]
    assert total(output, "SessionStarts") == 0


def test_the_ids_of_a_handshake_are_on_its_lines_once_they_are_known(
    connecting: ModuleType, world: World, lines: io.StringIO
) -> None:
    connect(connecting, api_key="mk_wrong")
    world.workers = []
    connect(connecting)
    world.workers = World().workers
    connect(connecting)

    refused, without_room, opened = logged(lines)
    assert {line["connection_id"] for line in (refused, without_room, opened)} == {CONNECTION}
    assert "session_id" not in refused
    assert "session_id" in without_room and "worker_id" not in without_room
    assert (opened["session_id"], opened["worker_id"]) == (world.started[-1][1], "w1")
    assert opened["message"] == "connection opened"


def test_what_nobody_thought_of_has_its_ids_too(lines: io.StringIO) -> None:
    def fails(event: dict[str, Any]) -> bool:
        raise RuntimeError("a surprise")

    assert (
        admission.answer({"requestContext": {"connectionId": "c="}, "headers": {}}, fails)["statusCode"]
        == 500
    )
    (line,) = logged(lines)
    assert (line["message"], line["connection_id"]) == ("handshake failed", "c=")


def test_a_frame_that_is_delivered_costs_no_line(
    passing: ModuleType, capsys: pytest.CaptureFixture[str], lines: io.StringIO
) -> None:
    passing.handler(event("ws_default/request"), None)
    assert (capsys.readouterr().out, logged(lines)) == ("", [])


def test_a_frame_that_is_not_delivered_counts_by_its_code_and_says_whose_it_was(
    passing: ModuleType, path: Path, capsys: pytest.CaptureFixture[str], lines: io.StringIO
) -> None:
    path.failure = WorkerUnavailable("gone")
    passing.handler(event("ws_default/request"), None)

    assert [dimensions for *_, dimensions in figures(capsys.readouterr().out)] == [
        (("Stack", "acme"),),
        (("Stack", "acme"), ("code", "-32012")),
    ]
    (line,) = logged(lines)
    assert {name: line[name] for name in ("connection_id", "session_id", "worker_id", "message_id")} == {
        "connection_id": CONNECTION,
        "session_id": "s1",
        "worker_id": "w1",
        "message_id": "aZ3kQdIyoAMCIhw=",
    }


def test_a_line_never_has_the_session_of_the_event_before(
    passing: ModuleType, path: Path, lines: io.StringIO
) -> None:
    passing.handler(event("ws_default/request"), None)
    path.table_failure = SessionNotFound("none")
    passing.handler(event("ws_default/request"), None)
    (line,) = logged(lines)
    assert "session_id" not in line


def test_a_closed_connection_is_told_with_its_session(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    class There:
        def get(self, connection_id: str) -> Session:
            return SESSION

        def detach(self, *what: object) -> None:
            raise WorkerUnavailable("gone")

        def delete(self, connection_id: str) -> None:
            pass

    app = loaded("ws_disconnect", monkeypatch, There(), "sessions", "workers")
    app.handler(event("ws_disconnect/idle_cut"), None)
    assert [line["message"] for line in logged(lines)] == ["connection closed", "session not told"]
    assert {(line["connection_id"], line["session_id"]) for line in logged(lines)} == {(CONNECTION, "s1")}


def test_each_sweep_tells_how_many_sessions_the_pool_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = loaded("session_reaper", monkeypatch, Reaper(Context(0)), "reaper")
    app.handler(event("session_reaper/scheduled"), Context(0))
    assert figures(capsys.readouterr().out) == [("FreeSlots", 7, "Count", (("Stack", "acme"),))]
