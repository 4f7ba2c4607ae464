"""What $connect does for a client that names a session of its own."""

import json
from dataclasses import replace
from types import ModuleType

import pytest

from mooring.errors import MooringError, SessionNotFound
from mooring.sessions import Session
from mooring.workers import WorkerDead, WorkerSilent
from tests.unit.functions.loading import load
from tests.unit.functions.world import WORKER, World, connect

MINE = "k9Qx3v0aTn2mB7cYw5eZ1g"
CONNECTION = "aZ3kPcKVoAMCIhw="
HELD = Session("before=", MINE, "demo/time", "p1", "w1", WORKER.address, is_resumable=True)
LOST = (SessionNotFound("ended"), WorkerDead("refused"), WorkerSilent("its lease has run out"))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    app = load("ws_connect", monkeypatch)
    for name in ("catalog", "keys", "tickets", "profiles", "sessions", "worker_table", "workers"):
        monkeypatch.setattr(app, name, world)
    return app


def test_a_session_of_the_client_s_own_id_may_be_resumed(app: ModuleType, world: World) -> None:
    assert connect(app, session=MINE, received="0")["statusCode"] == 200
    ((_, session_id, order),) = world.started
    assert (session_id, order["resume_seconds"]) == (MINE, 300)
    assert world.rows == [world.resumable[MINE]] == [replace(HELD, connection_id=CONNECTION)]
    assert world.attached == []


def test_a_plain_session_may_not(app: ModuleType, world: World) -> None:
    connect(app)
    assert world.started[0][2]["resume_seconds"] == 0
    assert world.resumable == {}


def test_none_may_where_the_setting_says_so(
    app: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "settings", replace(app.settings, resume_seconds=0.0))
    assert connect(app, session=MINE)["statusCode"] == 200
    ((_, session_id, order),) = world.started
    assert session_id != MINE and order["resume_seconds"] == 0
    assert world.resumable == {}


def test_a_client_that_comes_back_goes_on_with_its_session(app: ModuleType, world: World) -> None:
    world.resumable[MINE] = HELD
    assert connect(app, session=MINE, received="7")["statusCode"] == 200
    assert world.attached == [(WORKER.address, MINE, CONNECTION, 7)]
    assert world.rows == [world.resumable[MINE]] == [replace(HELD, connection_id=CONNECTION)]
    assert world.started == []


@pytest.mark.parametrize("other", [replace(HELD, principal="p9"), replace(HELD, server="demo/other")])
def test_a_session_belongs_to_the_principal_and_server_that_opened_it(
    app: ModuleType, world: World, other: Session
) -> None:
    world.resumable[MINE] = other
    answer = connect(app, session=MINE, received="7")
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (403, "Forbidden")
    assert not world.attached
    assert not world.started


def test_a_client_that_has_frames_of_a_session_that_is_not_there_is_told_to_start_anew(
    app: ModuleType, world: World
) -> None:
    answer = connect(app, session=MINE, received="7")
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"] == "SessionNotFound"
    assert "start anew with another session id" in json.loads(answer["body"])["message"]
    assert world.started == []


@pytest.mark.parametrize(
    ("failure", "told"),
    [(LOST[0], (404, "SessionNotFound")), (LOST[1], (410, "WorkerLost")), (LOST[2], (410, "WorkerLost"))],
)
def test_so_is_one_whose_session_its_worker_cannot_go_on_with(
    app: ModuleType, world: World, failure: MooringError, told: tuple[int, str]
) -> None:
    world.resumable[MINE] = HELD
    world.attach_failure = failure
    answer = connect(app, session=MINE, received="7")
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == told
    assert world.started == []


@pytest.mark.parametrize("received", ["0", "7"])
def test_while_its_worker_is_only_slow_nothing_is_started_beside_it(
    app: ModuleType, world: World, received: str
) -> None:
    world.resumable[MINE] = HELD
    world.attach_failure = WorkerSilent("no answer yet")
    world.has_live_worker = True
    assert connect(app, session=MINE, received=received)["statusCode"] == 503
    assert (world.started, world.resumable) == ([], {MINE: HELD})


@pytest.mark.parametrize("failure", LOST)
def test_one_that_has_no_frame_yet_starts_anew_under_the_same_id(
    app: ModuleType, world: World, failure: MooringError
) -> None:
    world.resumable[MINE] = HELD
    world.attach_failure = failure
    assert connect(app, session=MINE, received="0")["statusCode"] == 200
    assert [session_id for _, session_id, _ in world.started] == [MINE]
    assert world.resumable[MINE].connection_id == CONNECTION


def test_a_session_that_an_unfinished_opening_has_started_is_taken_over(
    app: ModuleType, world: World
) -> None:
    world.is_new = False
    assert connect(app, session=MINE)["statusCode"] == 200
    assert world.attached == [(WORKER.address, MINE, CONNECTION, 0)]


@pytest.mark.parametrize(("winner", "ended"), [("w1", []), ("w2", [MINE])])
def test_of_two_openings_of_one_session_one_is_asked_to_try_again(
    app: ModuleType, world: World, monkeypatch: pytest.MonkeyPatch, winner: str, ended: list[str]
) -> None:
    looks = iter([None, replace(HELD, worker_id=winner)])
    monkeypatch.setattr(world, "find", lambda session_id: next(looks))
    world.resumable[MINE] = replace(HELD, worker_id=winner)
    answer = connect(app, session=MINE)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
    assert world.ended == ended


def test_a_connection_that_does_not_open_after_all_is_no_session_s(app: ModuleType, world: World) -> None:
    world.resumable[MINE] = HELD
    world.table_failure = RuntimeError("the table does not answer")
    assert connect(app, session=MINE, received="7")["statusCode"] == 500
    assert world.detached == [CONNECTION]
    assert world.ended == []


def test_what_cannot_name_a_session_is_refused(app: ModuleType, world: World) -> None:
    assert connect(app, session="short")["statusCode"] == 422
    assert world.started == []
