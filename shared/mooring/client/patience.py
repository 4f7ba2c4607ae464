"""How a lost connection is sought again: at once, then after pauses that grow, for so long and no longer."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WINDOW_SECONDS = 300.0  # the server keeps a session as long after its client was lost

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Patience:
    """`random` gives numbers from 0 to 1: clients that lost one server should not return in one moment."""

    window_seconds: float = WINDOW_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random


class Search:
    """The attempts that one loss causes. It goes on until a connection has proved to work."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._ends_at = patience.clock() + patience.window_seconds
        self._pause_seconds = 0.0
        self._least_seconds = 0.0

    @property
    def left_seconds(self) -> float:
        return self._ends_at - self._patience.clock()

    def put_off(self, seconds: object) -> None:
        """Make the next pause at least that long: the server asked for it, if `seconds` is a number."""
        if isinstance(seconds, int | float):
            self._least_seconds = seconds

    async def pause(self) -> bool:
        """Wait until the next attempt is due; return whether there is still time for one."""
        # Half of a pause is left to chance.
        seconds = max(self._pause_seconds * (1 + self._patience.random()) / 2, self._least_seconds)
        if seconds > 0:
            await self._patience.sleep(max(0.0, min(seconds, self.left_seconds)))
        self._least_seconds = 0.0
        self._pause_seconds = min(self._pause_seconds * 2 or _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        return self.left_seconds > 0
