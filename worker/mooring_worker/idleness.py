"""When a session has been idle for too long."""

import asyncio
from collections.abc import Callable


class Idleness:
    """Calls `end` with the reason once there was no frame for `seconds`, and it is not `is_busy`."""

    __slots__ = ("_end", "_is_busy", "_last_frame_at", "_loop", "_seconds", "_timer")

    def __init__(self, seconds: float, is_busy: Callable[[], bool], end: Callable[[str], object]) -> None:
        self._seconds = seconds
        self._is_busy = is_busy
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._last_frame_at = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._check)

    @property
    def seconds(self) -> float:
        """Since the last frame."""
        return self._loop.time() - self._last_frame_at

    def note_frame(self) -> None:
        self._last_frame_at = self._loop.time()

    def close(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        now = self._loop.time()
        due_at = now + self._seconds if self._is_busy() else self._last_frame_at + self._seconds
        if due_at > now:
            self._timer = self._loop.call_at(due_at, self._check)
        else:
            self._end(
                f"the session was idle for {self._seconds:g} seconds and has ended; connect again for another"
            )
