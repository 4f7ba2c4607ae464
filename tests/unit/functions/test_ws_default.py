import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from mooring.errors import (
    ChildExited,
    ConnectionGone,
    InvalidFrame,
    LimitReached,
    MooringError,
    SessionNotFound,
    WorkerUnavailable,
)
from mooring.sessions import Session
from tests.unit.functions.loading import event, load

CONNECTION = "aZ3kPcKVoAMCIhw="
SESSION = Session(CONNECTION, "s1", "demo/time", "p1", "w1", "http://10.0.0.1:8080")


class Path:
    """The three things the handler talks to, recording what it says to them."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, ...]] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.forgotten: list[str] = []
        self.failure: Exception | None = None
        self.client_is_gone = False
        self.session = SESSION
        self.table_failure: Exception | None = None
        self.closed: list[str] = []

    def get(self, connection_id: str) -> Session:
        if self.table_failure:
            raise self.table_failure
        return self.session

    def forget(self, connection_id: str) -> None:
        self.forgotten.append(connection_id)

    def send(self, *message: str) -> None:
        if self.failure:
            raise self.failure
        self.sent.append(message)

    def post(self, connection_id: str, frame: str) -> None:
        if self.client_is_gone:
            raise ConnectionGone(connection_id)
        self.posted.append((connection_id, json.loads(frame)))

    def close(self, connection_id: str) -> None:
        if self.client_is_gone:
            raise ConnectionGone(connection_id)
        self.closed.append(connection_id)


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def app(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    app = load("ws_default", monkeypatch)
    for name in ("sessions", "workers", "connections"):
        monkeypatch.setattr(app, name, path)
    return app


def test_a_frame_goes_to_the_session_s_worker_unchanged(app: ModuleType, path: Path) -> None:
    request = event("ws_default/request")
    assert app.handler(request, None) == {"statusCode": 200}
    assert path.sent == [(SESSION.worker_address, "s1", request["body"], "aZ3kQdIyoAMCIhw=", CONNECTION)]
    assert path.posted == []


@pytest.mark.parametrize(
    "failure", [SessionNotFound("ended"), WorkerUnavailable("gone"), ChildExited("exited", {"exitCode": 1})]
)
def test_a_request_that_cannot_be_delivered_is_answered_under_its_own_id(
    app: ModuleType, path: Path, failure: MooringError
) -> None:
    path.failure = failure
    assert app.handler(event("ws_default/request"), None) == {"statusCode": 200}
    assert path.posted == [(CONNECTION, {"jsonrpc": "2.0", "id": 7, "error": failure.as_jsonrpc()})]
    assert path.forgotten == [CONNECTION]


def test_a_frame_that_comes_too_fast_leaves_the_session_known(app: ModuleType, path: Path) -> None:
    path.failure = LimitReached("too fast")
    app.handler(event("ws_default/request"), None)
    assert [answer["error"]["code"] for _, answer in path.posted] == [-32015]
    assert path.forgotten == []


def test_a_notification_that_cannot_be_delivered_is_not_answered(app: ModuleType, path: Path) -> None:
    path.failure = WorkerUnavailable("gone")
    assert app.handler(event("ws_default/notification"), None) == {"statusCode": 200}
    assert path.posted == []


def test_a_frame_that_is_not_json_is_answered_without_an_id(app: ModuleType, path: Path) -> None:
    path.failure = InvalidFrame("not JSON")
    app.handler({**event("ws_default/request"), "body": "{"}, None)
    assert [(answer["id"], answer["error"]["code"]) for _, answer in path.posted] == [(None, -32700)]


def test_a_failure_nobody_thought_of_is_a_json_rpc_error_without_its_text(
    app: ModuleType, path: Path
) -> None:
    path.failure = RuntimeError("a secret detail")
    assert app.handler(event("ws_default/request"), None) == {"statusCode": 200}
    ((_, answer),) = path.posted
    assert answer["id"] == 7
    assert answer["error"] == {"code": -32603, "message": "internal error"}


def test_a_client_that_left_before_its_error_is_no_failure(app: ModuleType, path: Path) -> None:
    path.failure = WorkerUnavailable("gone")
    path.client_is_gone = True
    assert app.handler(event("ws_default/request"), None) == {"statusCode": 200}


@pytest.mark.parametrize(
    "failure", [SessionNotFound("ended"), WorkerUnavailable("503"), RuntimeError("oops")]
)
@pytest.mark.parametrize("client_is_gone", [False, True])
def test_the_client_of_a_session_that_may_be_resumed_is_made_to_come_back(
    app: ModuleType, path: Path, failure: Exception, client_is_gone: bool
) -> None:
    """It counts the frames of its session, and an error from here would be one too many."""
    path.session = replace(SESSION, is_resumable=True)
    path.failure, path.client_is_gone = failure, client_is_gone
    assert app.handler(event("ws_default/request"), None) == {"statusCode": 200}
    assert path.closed == ([] if client_is_gone else [CONNECTION])
    assert path.posted == []


def test_an_error_that_may_be_of_a_counted_session_says_that_it_does_not_count(
    app: ModuleType, path: Path
) -> None:
    path.table_failure = RuntimeError("the table does not answer")
    app.handler(event("ws_default/request"), None)
    ((_, answer),) = path.posted
    assert answer["error"]["data"] == {"undelivered": True}


def test_a_connection_without_a_session_is_told_so(app: ModuleType, path: Path) -> None:
    path.table_failure = SessionNotFound("none")
    app.handler(event("ws_default/request"), None)
    ((_, answer),) = path.posted
    assert answer["error"] == {"code": -32010, "message": "none"}
