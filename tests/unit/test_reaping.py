"""What the reaper counts. Whom it tells what is in tests/integration/test_session_reaper.py."""

import time
from typing import Any

import pytest

from mooring.errors import WorkerUnavailable
from mooring.observability import metrics
from mooring.reaping import Reaper
from mooring.session_rows import SessionRow
from mooring.sessions import Session
from mooring.workers import Worker
from tests.unit.figures import total


class World:
    """Every table, every worker, and those who tell clients."""

    def __init__(self) -> None:
        self.workers: list[Worker] = []
        self.sessions: list[Session] = []

    def announce(
        self, worker_id: str, used: int = 0, *, lease_seconds: float = 60, draining: bool = False
    ) -> None:
        lease = time.time() + lease_seconds
        self.workers.append(Worker(worker_id, f"http://{worker_id}", used, 10, lease, draining))

    def reaper(self) -> Reaper:
        here: Any = self
        return Reaper(Rows(self), here, Dead(), here, here)  # type: ignore[arg-type]

    def all(self) -> list[Worker]:
        return list(self.workers)

    def forget(self, worker_id: str) -> None:
        self.workers = [worker for worker in self.workers if worker.worker_id != worker_id]

    def tell_worker_lost(self, session: Session, error: object) -> bool:
        self.sessions.remove(session)
        return True


class Rows:
    def __init__(self, world: World) -> None:
        self._world = world

    def all(self) -> list[SessionRow]:
        return [SessionRow(session, is_connection=True, age_seconds=0) for session in self._world.sessions]


class Dead:
    def sessions(self, address: str) -> frozenset[str]:
        raise WorkerUnavailable("nobody listens")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(metrics, "is_on", True)
    monkeypatch.setattr(metrics, "stack", "acme")
    return World()


def test_a_buried_worker_is_counted_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.announce("dead", lease_seconds=-1)
    world.sessions.append(Session("a=", "s1", "acme/test", "p", "dead", "http://dead"))
    world.reaper().sweep()
    world.reaper().sweep()
    assert (world.workers, world.sessions) == ([], [])
    assert total(capsys.readouterr().out, "WorkersLost") == 1


def test_a_worker_that_took_its_row_away_is_not_counted_as_lost(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sessions.append(Session("a=", "s1", "acme/test", "p", "left", "http://left"))
    world.reaper().sweep()
    assert world.sessions == []
    assert total(capsys.readouterr().out, "WorkersLost") == 0


def test_slots_are_free_at_workers_that_live_and_do_not_drain(world: World) -> None:
    assert world.reaper().free_slots() == 0
    world.announce("some", 4)
    world.announce("full", 10)
    world.announce("over", 12)
    world.announce("dead", lease_seconds=-1)
    world.announce("going", draining=True)
    assert world.reaper().free_slots() == 6
