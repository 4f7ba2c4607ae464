"""What the children of this worker printed: those of its sessions, and of those that have just ended."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

from mooring.errors import InvalidRequest
from mooring_worker.tail import LINE_BYTES, Line, Tail

KEPT_SECONDS = 15 * 60.0
KEPT_SESSIONS = 100
KEPT_BYTES = 4 * 1024 * 1024

_PREFIX_CHARACTERS = 8  # what people are shown of an id
_MOST_DIGITS = 18


class SessionLog(NamedTuple):
    session_id: str
    server: str
    tail: Tail


class EndedSessions:
    """The logs of sessions that have ended, the last ones of them; of those that printed nothing none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logs: deque[tuple[float, SessionLog]] = deque()

    def keep(self, log: SessionLog) -> None:
        if log.tail.size_bytes:
            self._logs.append((self._clock(), log))
            self._forget()

    def __iter__(self) -> Iterator[SessionLog]:
        self._forget()
        return iter([log for _, log in self._logs])

    def _forget(self) -> None:
        size_bytes = sum(log.tail.size_bytes for _, log in self._logs)  # some write on when they have ended
        while self._logs and (
            len(self._logs) > KEPT_SESSIONS
            or size_bytes > KEPT_BYTES
            or self._logs[0][0] < self._clock() - KEPT_SECONDS
        ):
            size_bytes -= self._logs.popleft()[1].tail.size_bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lines of a server or of a session: those after a number, or the last ones."""

    server: str
    session: str
    """An id, or how some begin."""
    after: int | None
    lines: int
    size_bytes: int

    @classmethod
    def read(cls, query: str) -> Self:
        """Parse a query string; raises InvalidRequest."""
        fields = {name: values[-1] for name, values in parse_qs(query).items()}
        server, session = fields.get("server", ""), fields.get("session", "")
        if not server and not session:
            raise InvalidRequest("server or session must say whose lines are wanted")
        after = _number(fields, "after") if "after" in fields else None
        return cls(server, session, after, _number(fields, "lines"), _number(fields, "bytes"))

    def matches(self, log: SessionLog) -> bool:
        if self.server and log.server != self.server:
            return False
        is_prefix = len(self.session) >= _PREFIX_CHARACTERS and log.session_id.startswith(self.session)
        return not self.session or is_prefix or log.session_id == self.session


def find(logs: Iterable[SessionLog], wanted: Wanted) -> dict[str, Any]:
    """Return the lines that are wanted, in their order, as the content of an answer.

    `sessions` is how many may have printed something, `servers` are theirs, `next` is what to ask for lines
    `after` next time, `more` whether there are some already, `lost` whether some after `after` are gone.
    """
    found = [log for log in logs if wanted.matches(log)]
    after = wanted.after
    if after is None:
        newest = heapq.merge(*map(_newest_first, found), key=_number_of, reverse=True)
        chosen, more = _first(newest, wanted)[0][::-1], False
    else:
        chosen, more = _first(heapq.merge(*(_after(log, after) for log in found), key=_number_of), wanted)
    return {
        "lines": [_as_json(log, line) for log, line in chosen],
        "next": chosen[-1][1].number if chosen else after or 0,
        "more": more,
        "lost": after is not None and any(log.tail.lost_to > after for log in found),
        "sessions": len(found),
        "servers": sorted({log.server for log in found}),
    }


_Found = tuple[SessionLog, Line]


def _newest_first(log: SessionLog) -> Iterator[_Found]:
    return ((log, line) for line in log.tail.newest_first())


def _after(log: SessionLog, number: int) -> Iterator[_Found]:
    return ((log, line) for line in log.tail.after(number))


def _number_of(found: _Found) -> int:
    return found[1].number


def _first(lines: Iterator[_Found], wanted: Wanted) -> tuple[list[_Found], bool]:
    """Return as many of the lines as are wanted, one at least, and whether there are others."""
    chosen: list[_Found] = []
    size_bytes = 0
    for log, line in lines:
        size_bytes += len(line.text) + LINE_BYTES
        if chosen and (len(chosen) >= wanted.lines or size_bytes > wanted.size_bytes):
            return chosen, True
        chosen.append((log, line))
    return chosen, False


def _as_json(log: SessionLog, line: Line) -> dict[str, Any]:
    told = {
        "session": log.session_id,
        "server": log.server,
        "number": line.number,
        "stream": line.stream,
        "text": line.text.decode(errors="replace"),
    }
    return {**told, "end": log.tail.end} if line.stream == "session" else told


def _number(fields: dict[str, str], name: str) -> int:
    text = fields.get(name, "")
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise InvalidRequest(f"{name} must be a number from 0")
    return int(text)
