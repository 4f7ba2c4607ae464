"""How many workers the pool is to have: a rule over what the workers report, without I/O.

Sessions decide, not free slots: so tasks that were asked for and are still starting count by themselves.
Growing is at once, shrinking is slow: a task takes half a minute to a minute to start, and an empty one costs
some cents an hour. `make bench-scale` plays days against this rule; its constants were chosen by that.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mooring.workers import Worker

QUIET_SECONDS = 600.0  # without a session, before a pool that may be empty is
CALM_SECONDS = 900.0  # that fewer would have done all the time; who leaves too early stays on beside its heir
FRESH_SECONDS = 10.0  # since somebody was refused, that more are still wanted

_RUSH = 1.5  # while somebody is refused: nobody counts how many more would have come
_FLUCTUATION = 2.0  # how far sessions that come and go by chance get within a task's start: some square roots


@dataclass(frozen=True, slots=True)
class Limits:
    minimum: int
    maximum: int
    spare_slots: int
    """Free places to keep, at least."""
    task_slots: int
    """Sessions of one worker."""


@dataclass(frozen=True, slots=True)
class Decision:
    wanted: int
    """Tasks that the service is to have, those that leave and have sessions included: ECS counts them."""
    leaving: tuple[Worker, ...] = ()
    """Those that are to take no more sessions, so that they can go."""


class Scaler:
    """Decides again and again; remembers how many were needed lately."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._needs: deque[tuple[float, int]] = deque()  # falling: what a later one exceeds is of no use
        self._used_at = float("-inf")

    def decide(
        self,
        workers: Sequence[Worker],
        desired: int,
        now: float,
        *,
        demand_at: float = float("-inf"),
        version: str = "",
    ) -> Decision:
        """Return how many tasks there are to be, where `desired` of `version` have been asked for.

        `demand_at` is when somebody was last refused for want of a worker. Times are seconds of one clock.
        """
        alive = [worker for worker in workers if worker.lease > now]
        used = sum(worker.used for worker in alive if not worker.draining)
        is_refusing = now - demand_at < FRESH_SECONDS
        if used or is_refusing or self._used_at == float("-inf"):
            self._used_at = now
        needed = self._needed(used, is_refusing=is_refusing, is_quiet=now - self._used_at > QUIET_SECONDS)
        current = [worker for worker in alive if worker.version == version]
        taking = [worker for worker in current if not worker.draining]
        staying = len(taking) + max(0, desired - len(current))  # the rest is starting
        target = needed if needed > staying else min(staying, self._most_needed(needed, staying, now))
        emptiest = sorted(taking, key=lambda worker: (worker.used, worker.worker_id))
        leaving = tuple(emptiest[: max(0, len(taking) - target)])
        # While one is still to come, ECS could stop that one in place of one that has emptied.
        is_complete = len(taking) >= target
        held = [w for w in current if w.draining and (w.used or not is_complete)]
        wanted = target + len(held) + sum(worker.used > 0 for worker in leaving)
        return Decision(min(wanted, self._limits.maximum), leaving)

    def _needed(self, used: int, *, is_refusing: bool, is_quiet: bool) -> int:
        limits = self._limits
        if is_quiet and not limits.minimum:
            return 0
        spare = max(limits.spare_slots, _FLUCTUATION * math.sqrt(used))
        slots = used * (_RUSH if is_refusing else 1) + spare + is_refusing
        needed = math.ceil(slots / limits.task_slots)
        return min(max(needed, limits.minimum), limits.maximum)

    def _most_needed(self, needed: int, staying: int, now: float) -> int:
        """Return the most that was needed at once in the last `CALM_SECONDS`."""
        if not self._needs:
            self._needs.append((now, max(needed, staying)))  # what was before is not known
        while self._needs and self._needs[-1][1] <= needed:
            self._needs.pop()
        self._needs.append((now, needed))
        while self._needs[0][0] <= now - CALM_SECONDS:
            self._needs.popleft()
        return self._needs[0][1]


def of_another_version(workers: Sequence[Worker], version: str, desired: int, now: float) -> list[Worker]:
    """Return which workers of another version than `version` are to leave: one for each new one.

    The emptiest go first. So as many as are desired take sessions while a deployment goes on.
    """
    taking = [worker for worker in workers if worker.lease > now and not worker.draining]
    new = sum(worker.version == version for worker in taking)
    old = sorted((w for w in taking if w.version != version), key=lambda w: (w.used, w.worker_id))
    return old[: max(0, len(old) - max(0, desired - new))] if new else []
