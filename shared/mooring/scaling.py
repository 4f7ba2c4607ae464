"""How many workers the pool is to have: a rule over what the workers report, without I/O.

Sessions decide, not free slots: so tasks that were asked for and are still starting count by themselves.
Growing is at once, shrinking is slow: a task takes half a minute to a minute to start, and an empty one costs
some cents an hour.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mooring.workers import Worker

QUIET_SECONDS = 600.0  # without a session, before a pool that may be empty is
CALM_SECONDS = 300.0  # that fewer would have done all the time, before there are fewer
FRESH_SECONDS = 10.0  # since somebody was refused, that more are still wanted

_RUSH = 1.5  # while somebody is refused: nobody counts how many more would have come


@dataclass(frozen=True, slots=True)
class Limits:
    minimum: int
    maximum: int
    spare_slots: int
    """Free places to keep."""
    task_slots: int
    """Sessions of one worker."""


@dataclass(frozen=True, slots=True)
class Decision:
    wanted: int
    """Tasks that the service is to have."""
    leaving: tuple[Worker, ...] = ()
    """Those that are to take no more sessions, so that they can go."""


class Scaler:
    """Decides again and again; remembers since when fewer would do."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fewer_since: float | None = None
        self._used_at = float("-inf")

    def decide(
        self, workers: Sequence[Worker], desired: int, now: float, *, demand_at: float = float("-inf")
    ) -> Decision:
        """Return how many tasks there are to be, where `desired` have been asked for.

        `demand_at` is when somebody was last refused for want of a worker. Times are seconds of one clock.
        """
        taking = [worker for worker in workers if worker.lease > now and not worker.draining]
        used = sum(worker.used for worker in taking)
        is_refusing = now - demand_at < FRESH_SECONDS
        if used or is_refusing or self._used_at == float("-inf"):
            self._used_at = now
        needed = self._needed(used, is_refusing=is_refusing, is_quiet=now - self._used_at > QUIET_SECONDS)
        if needed >= desired:
            self._fewer_since = None
            return Decision(needed)
        if self._fewer_since is None:
            self._fewer_since = now
        if now - self._fewer_since < CALM_SECONDS:
            return Decision(desired)
        surplus = max(0, min(desired - needed, len(taking) - needed))
        emptiest = sorted(taking, key=lambda worker: (worker.used, worker.worker_id))[:surplus]
        return Decision(needed, tuple(emptiest))

    def _needed(self, used: int, *, is_refusing: bool, is_quiet: bool) -> int:
        limits = self._limits
        if is_quiet and not limits.minimum:
            return 0
        slots = used * (_RUSH if is_refusing else 1) + limits.spare_slots + is_refusing
        needed = math.ceil(slots / limits.task_slots)
        return min(max(needed, limits.minimum), limits.maximum)
