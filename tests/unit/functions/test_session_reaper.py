from dataclasses import dataclass, field
from types import ModuleType

import pytest

from tests.unit.functions.loading import event, load


@dataclass
class Reaper:
    """Records what it is asked, and takes a second of the function's time for each look at the leases."""

    context: "Context"
    asked: list[str] = field(default_factory=list)
    failure: Exception | None = None

    def sweep(self) -> None:
        self.asked.append("sweep")
        if self.failure:
            raise self.failure

    def free_slots(self) -> int:
        return 7

    def bury_lapsed(self) -> None:
        self.asked.append("bury_lapsed")
        self.context.left_milliseconds -= 1000


@dataclass
class Context:
    left_milliseconds: int

    def get_remaining_time_in_millis(self) -> int:
        return self.left_milliseconds


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("MOORING_CONNECTIONS_URL", "https://connections.test/live")
    app = load("session_reaper", monkeypatch)
    monkeypatch.setattr(app, "_LOOK_SECONDS", 0)
    return app


def test_everything_is_looked_at_once_and_leases_until_the_next_call(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(13_000)
    reaper = Reaper(context)
    monkeypatch.setattr(app, "reaper", reaper)

    app.handler(event("session_reaper/scheduled"), context)

    assert reaper.asked == ["sweep", "bury_lapsed", "bury_lapsed", "bury_lapsed"]


def test_a_sweep_that_fails_counts_as_a_failed_call(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "reaper", Reaper(Context(0), failure=OSError("no table")))

    with pytest.raises(OSError, match="no table"):
        app.handler(event("session_reaper/scheduled"), Context(0))
