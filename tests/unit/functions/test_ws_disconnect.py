from types import ModuleType

import pytest

from mooring.errors import SessionNotFound, WorkerUnavailable
from mooring.sessions import Session
from tests.unit.functions.loading import event, load

CONNECTION = "aZ3kPcKVoAMCIhw="
SESSION = Session(CONNECTION, "s1", "demo/time", "p1", "w1", "http://10.0.0.1:8080")


class Path:
    def __init__(self) -> None:
        self.session: Session | None = SESSION
        self.worker_is_gone = False
        self.told: list[tuple[object, ...]] = []
        self.deleted: list[str] = []

    def get(self, connection_id: str) -> Session:
        if self.session is None:
            raise SessionNotFound("none")
        return self.session

    def delete(self, connection_id: str) -> None:
        self.deleted.append(connection_id)

    def detach(self, *what: object) -> None:
        if self.worker_is_gone:
            raise WorkerUnavailable("gone")
        self.told.append(what)


@pytest.fixture
def path() -> Path:
    return Path()


@pytest.fixture
def app(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    app = load("ws_disconnect", monkeypatch)
    monkeypatch.setattr(app, "sessions", path)
    monkeypatch.setattr(app, "workers", path)
    return app


def test_the_worker_is_told_how_the_connection_was_closed_and_the_row_is_deleted(
    app: ModuleType, path: Path
) -> None:
    assert app.handler(event("ws_disconnect/idle_cut"), None) == {"statusCode": 200}
    assert path.told == [(SESSION.worker_address, "s1", CONNECTION, 1001)]
    assert path.deleted == [CONNECTION]


def test_the_row_goes_even_when_the_worker_is_gone(app: ModuleType, path: Path) -> None:
    path.worker_is_gone = True
    assert app.handler(event("ws_disconnect/idle_cut"), None) == {"statusCode": 200}
    assert path.deleted == [CONNECTION]


def test_a_connection_without_a_session_is_no_failure(app: ModuleType, path: Path) -> None:
    path.session = None
    assert app.handler(event("ws_disconnect/idle_cut"), None) == {"statusCode": 200}
    assert path.deleted == []
