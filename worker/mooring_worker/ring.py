"""The frames a session has sent, numbered, for a client that comes back (no I/O, no clock).

Frames count from 1 in the order they were first sent. A client that resumes says how many it has received:
what it lacks is sent again under the same numbers, and then what has not been sent yet. Whether a frame
arrived is never known here and need not be: the client's count tells.
"""

from collections import deque
from typing import NamedTuple

from mooring.errors import SessionNotFound


class Overrun(SessionNotFound):
    """The client's count and the frames that are kept do not meet."""

    http_status = 410


class Rewound(NamedTuple):
    """What a client that resumes has to be sent before anything new."""

    again: list[bytes]
    skipped: int
    """Of the frames that the last `rewind` gave, how many it has by now, unsent again: they come no more."""
    heard_at: float
    """When the last frame that it has was sent; long ago when that is not known."""


class Ring:
    """Keeps the newest frames within `limit_bytes`, and always the last one."""

    __slots__ = ("_frames", "_highest", "_kept_bytes", "_limit_bytes", "_sent")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._frames: deque[tuple[bytes, float]] = deque()
        self._kept_bytes = 0
        self._sent = 0
        self._highest = 0

    @property
    def sent(self) -> int:
        """The number of the frame that was sent last."""
        return self._sent

    def add(self, frame: bytes, now: float) -> None:
        """Number a frame whose sending begins."""
        self._frames.append((frame, now))
        self._kept_bytes += len(frame)
        self._sent += 1
        self._highest = max(self._highest, self._sent)
        while self._kept_bytes > self._limit_bytes and len(self._frames) > 1:
            self._kept_bytes -= len(self._frames.popleft()[0])

    def take_back(self) -> None:
        """Take the number from the last frame: it was refused for good."""
        frame, _ = self._frames.pop()
        self._kept_bytes -= len(frame)
        if self._highest == self._sent:
            self._highest -= 1
        self._sent -= 1

    def rewind(self, received: int) -> Rewound:
        """Forget the frames up to number `received` and give those after it, in order, to be added anew.

        Raises:
            Overrun: some of them are not kept any more, or so many were never sent.
        """
        if received > self._highest:
            raise Overrun(
                f"this session has sent {self._highest} frames and the client counts {received}; "
                "start anew with another session id"
            )
        first = self._sent - len(self._frames) + 1
        if received < first - 1:
            raise Overrun(
                f"the client has {received} frames of this session and those before number {first} are not "
                "kept any more; start anew with another session id"
            )
        heard_at = float("-inf")
        for _ in range(min(received - first + 1, len(self._frames))):
            heard_at = self._frames.popleft()[1]
        rewound = Rewound([frame for frame, _ in self._frames], max(0, received - self._sent), heard_at)
        self._frames.clear()
        self._kept_bytes = 0
        self._sent = received
        return rewound

    def clear(self) -> None:
        """Forget every frame: nobody comes back."""
        self._frames.clear()
        self._kept_bytes = 0
