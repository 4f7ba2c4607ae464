"""A value that is good for some seconds, for any number of threads."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Renewed(Generic[T]):
    """While one thread makes the value anew, the others have the old one; the first one is waited for."""

    def __init__(
        self, make: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._made: tuple[float, T] | None = None
        """When, and what."""

    def get(self) -> T:
        """Return the value; raises what making it raises."""
        made = self._made
        if made and self._clock() - made[0] < self._seconds:
            return made[1]
        if not self._lock.acquire(blocking=made is None):
            assert made, "waited for otherwise"
            return made[1]
        try:
            if self._made is made:  # nobody made it while we waited
                self._made = (self._clock(), self._make())
            assert self._made
            return self._made[1]
        finally:
            self._lock.release()
