"""The log of one release while it is made: who waits for it sees each line soon, in few writes."""

import time
from contextlib import suppress

from mooring.clock import Clock, iso8601
from mooring.errors import MooringError
from mooring.release_table import ReleaseTable
from mooring.releases import Document, Level, ReleaseRecord, Stage

MAX_LINES = 5000
MAX_LINE_CHARACTERS = 2000
_FLUSH_SECONDS = 0.2
_BATCH_LINES = 100

_BEGINNINGS: dict[Stage, str] = {
    "deploy": "Building",
    "scan": "Scanning",
    "metadata": "Comparing with what is live",
    "publish": "Publishing",
}


class ReleaseLog:
    """Goes on where the record's log ends. To be used by one thread at a time."""

    def __init__(self, releases: ReleaseTable, record: ReleaseRecord, clock: Clock = time.time) -> None:
        self._releases = releases
        self._record = record
        self._clock = clock
        _, self._next = releases.lines(record.server, record.id)
        self._pending: list[Document] = []
        self._flushed_at = 0.0
        self._stage: Stage = record.stage

    def begin(self, stage: Stage) -> None:
        self._stage = stage
        self.write(stage, "start", _BEGINNINGS[stage])

    def end(self, message: str) -> None:
        """Say what came of the stage that was begun last."""
        self.write(self._stage, "end", message)

    def fail(self, stage: Stage, message: str, advice: str = "") -> None:
        """Say what went wrong, and what to do."""
        self.write(stage, "error", message, {"message": message})
        for line in advice.splitlines():
            self.write(stage, "info", line)

    def write(self, stage: Stage, level: Level, message: str, error: Document | None = None) -> None:
        """Add a line; those over MAX_LINES are left out, but for errors."""
        count = self._next + len(self._pending)
        if count >= MAX_LINES and level == "info":
            return
        text = message if count + 1 < MAX_LINES or level != "info" else "What follows is left out"
        line = {
            "stage": stage,
            "level": level,
            "message": text[:MAX_LINE_CHARACTERS].encode(errors="replace").decode(),
            "timestamp": iso8601(self._clock()),
        }
        self._pending.append({**line, "error": error} if error else line)
        if len(self._pending) >= _BATCH_LINES or level != "info" or self.is_due:
            self.flush()

    @property
    def is_due(self) -> bool:
        return self._clock() - self._flushed_at >= _FLUSH_SECONDS

    def flush(self) -> None:
        """Have what was written seen; a log that cannot be written is no reason to fail."""
        self._flushed_at = self._clock()
        if self._pending:
            lines, self._pending = self._pending, []
            with suppress(MooringError):
                self._next = self._releases.log(self._record, self._next, lines)
