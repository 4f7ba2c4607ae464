"""The time by which idle and old connections are cut and calls time out."""

import time
from collections.abc import Callable


class Clock:
    """Wall time, which nobody moves."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def on_move(self, moved: Callable[[], None]) -> None:
        """Have `moved` called whenever time has jumped instead of passed."""


class MovableClock(Clock):
    """Wall time plus what tests have added to it."""

    def __init__(self) -> None:
        self._ahead_seconds = 0.0
        self._moved: list[Callable[[], None]] = []

    def now(self) -> float:
        return super().now() + self._ahead_seconds

    def on_move(self, moved: Callable[[], None]) -> None:
        self._moved.append(moved)

    def advance(self, seconds: float) -> None:
        """Move time forward; all that is due by then has been decided when this returns."""
        self._ahead_seconds += seconds
        for moved in self._moved:
            moved()
