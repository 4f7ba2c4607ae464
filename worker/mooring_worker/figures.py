"""What CloudWatch is told of a worker, once a minute."""

import time
from collections.abc import Callable

from mooring.metrics import Metrics, Values
from mooring.settings import WorkerSettings
from mooring_worker.agent import Agent
from mooring_worker.metrics import resident_bytes

_SECONDS = 60


class Figures:
    """`clock` gives the seconds since the epoch."""

    def __init__(
        self, agent: Agent, settings: WorkerSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._agent = agent
        self._metrics = Metrics(settings.stack, is_on=settings.metrics)
        self._clock = clock
        self._minute = self._this_minute()
        self._told = (0, 0, 0)

    def tell_if_due(self) -> None:
        """Tell once in each minute of the clock: so the sum over all workers is what the pool has."""
        if self._minute != self._this_minute():
            self._minute = self._this_minute()
            held: Values = {"SessionsOpen": len(self._agent), "ResidentMemory": resident_bytes()}
            self._metrics.put(**(held | self._since_last_told()))

    def tell_last(self) -> None:
        """Tell what was counted since the last time. What the worker holds it has told for this minute."""
        self._metrics.put(**self._since_last_told())

    def _since_last_told(self) -> Values:
        counts = self._agent.counts
        now = (counts.start_failures, counts.frames_in, counts.frames_out)
        failures, frames_in, frames_out = (new - old for new, old in zip(now, self._told, strict=True))
        self._told = now
        return {"StartFailures": failures, "FramesIn": frames_in, "FramesOut": frames_out}

    def _this_minute(self) -> int:
        return int(self._clock() // _SECONDS)
