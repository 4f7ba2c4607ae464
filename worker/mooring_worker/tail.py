"""The end of what a child printed: its stderr and the lines of its stdout that are no frames (no I/O)."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

LINE_BYTES = 160  # what a line takes in memory beside its text
MAX_LINE_BYTES = 4096  # a longer one is cut into several

_LAST_LINES = 50
_LAST_BYTES = 16 * 1024


class Line(NamedTuple):
    number: int
    """Its time, in microseconds since the epoch; no two lines of a worker have the same, later ones more."""
    stream: str
    """`stderr`, `stdout`, or `session`: Mooring's own word on how the child ended."""
    text: bytes


class _Numbers:
    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, time.time_ns() // 1000)  # whatever becomes of the clock
        return self._last


_numbers = _Numbers()


class Tail:
    """Keeps the last `limit_bytes`, counted as the memory that they take. Without a line it has no memory."""

    __slots__ = ("_limit_bytes", "_lines", "_next_number", "_rest", "end", "lost_to", "size_bytes")

    def __init__(self, limit_bytes: int, next_number: Callable[[], int] = _numbers.next) -> None:
        self.end: dict[str, object] | None = None
        """How the child ended: `exitCode` or `signal`; None while it runs."""
        self.lost_to = 0
        """The number of the last line that is not kept any more."""
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._next_number = next_number
        self._lines: list[Line] | None = None
        self._rest = b""

    def write(self, chunk: bytes) -> None:
        """Take what came on stderr, wherever it is cut."""
        # No more lines than push out the first of them: what a flood loses anyway need not be cut.
        first, *others = chunk.rsplit(b"\n", self._limit_bytes // LINE_BYTES + 1)
        self._hold(first[first.rfind(b"\n") + 1 :])
        for part in others:
            self._finish()
            self._hold(part)
        if self.end is not None and self._rest:  # the last words of a process that the child has left
            self._finish()

    def add(self, line: bytes) -> None:
        """Take a line of stdout."""
        for start in range(0, max(len(line), 1), MAX_LINE_BYTES):
            self._add("stdout", line[start : start + MAX_LINE_BYTES])

    def close(self, text: str, end: dict[str, object], *, is_news: bool) -> None:
        """The child has ended, as `text` and `end` say. If the session ended it, that is worth no memory."""
        if self._rest:
            self._finish()
        self.end = end
        if is_news or self._lines:
            self._add("session", (text if is_news else f"the session ended; {text}").encode())

    def after(self, number: int) -> Iterator[Line]:
        """Return the lines after the one of this number, the oldest first."""
        found = list(takewhile(lambda line: line.number > number, self.newest_first()))
        return reversed(found)

    def newest_first(self) -> Iterator[Line]:
        return reversed(self._lines or ())

    def last_words(self) -> list[str]:
        """Return the last lines as far as they are read, the oldest first: what the owner's errors show."""
        lines: Sequence[Line] = (self._lines or [])[-_LAST_LINES:]
        text = b"\n".join([*(line.text for line in lines), *filter(None, [self._rest])])
        return text[-_LAST_BYTES:].decode(errors="replace").splitlines()[-_LAST_LINES:]

    def _hold(self, part: bytes) -> None:
        self._rest = (self._rest + part)[-(self._limit_bytes + MAX_LINE_BYTES) :]
        while len(self._rest) > MAX_LINE_BYTES:
            self._add("stderr", self._rest[:MAX_LINE_BYTES])
            self._rest = self._rest[MAX_LINE_BYTES:]

    def _finish(self) -> None:
        line, self._rest = self._rest.removesuffix(b"\r"), b""
        self._add("stderr", line)

    def _add(self, stream: str, text: bytes) -> None:
        if self._lines is None:
            self._lines = []
        self._lines.append(Line(self._next_number(), stream, text))
        self.size_bytes += LINE_BYTES + len(text)
        while self.size_bytes > self._limit_bytes and self._lines:
            lost = self._lines.pop(0)
            self.lost_to = lost.number
            self.size_bytes -= LINE_BYTES + len(lost.text)
