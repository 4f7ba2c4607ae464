"""What scales the simulated pool: Mooring's rule, or one as Application Auto Scaling's target tracking is."""

import math
from collections.abc import Sequence
from typing import Protocol

from mooring.scaling import Decision, Limits, Scaler
from mooring.workers import Worker


class Rule(Protocol):
    """Is asked every five seconds, as the reaper asks."""

    def decide(
        self, workers: Sequence[Worker], desired: int, now: float, *, demand_at: float, version: str
    ) -> Decision: ...


def ours(limits: Limits) -> Rule:
    return Scaler(limits)


class TargetTracking:
    """Holds used places at a share of all. It tells nobody to leave: ECS stops those that are empty.

    It looks once a minute, grows when the next minute was too busy as well, and shrinks when
    fifteen were too calm.
    """

    _TARGET = 0.7
    _CALM = 0.9 * 0.7  # the alarm for shrinking is a tenth below the target
    _CALM_MINUTES = 15

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._looked_at = float("-inf")
        self._busy = self._calm = 0

    def decide(
        self, workers: Sequence[Worker], desired: int, now: float, *, demand_at: float, version: str
    ) -> Decision:
        if now - self._looked_at < 60.0:
            return Decision(desired)
        self._looked_at = now
        alive = [worker for worker in workers if worker.lease > now]
        share = sum(w.used for w in alive) / max(1, sum(w.capacity for w in alive))
        self._busy = self._busy + 1 if share > self._TARGET else 0
        self._calm = self._calm + 1 if share < self._CALM else 0
        wanted = desired
        if self._busy >= 2:
            wanted = max(desired, math.ceil(len(alive) * share / self._TARGET))
        elif self._calm >= self._CALM_MINUTES:
            wanted = min(desired, math.ceil(len(alive) * share / self._TARGET))
        return Decision(min(max(wanted, self._limits.minimum), self._limits.maximum))
