"""Figures for CloudWatch, as lines on stdout in its embedded metric format.

CloudWatch Logs takes the figures out of such a line by itself: there is no call to make and none to wait for.
"""

import json
import sys
import time
from typing import TypedDict, Unpack


class Values(TypedDict, total=False):
    """What is measured. docs/operations.md says what each figure counts, and who writes it."""

    SessionsOpen: int
    SessionStarts: int
    StartFailures: int
    StartLatency: float
    """Milliseconds."""
    FramesIn: int
    FramesOut: int
    Errors: int
    FreeSlots: int
    WorkersLost: int
    ResidentMemory: int
    """Bytes."""


_NAMESPACE = "Mooring"
_UNITS = {"StartLatency": "Milliseconds", "ResidentMemory": "Bytes"}
_BY_STACK = [["Stack"]]
_BY_CODE = [["Stack"], ["Stack", "code"]]


class Metrics:
    """Writes nothing unless it `is_on`. `stack` is the one dimension that every figure has."""

    def __init__(self, stack: str = "", *, is_on: bool = False) -> None:
        self.stack = stack
        self.is_on = is_on

    def put(self, **values: Unpack[Values]) -> None:
        """Write figures, each of now."""
        self._write(_BY_STACK, values)

    def error(self, code: int) -> None:
        """Count an error that a client is told, as the HTTP status or the JSON-RPC code that it sees."""
        self._write(_BY_CODE, {"Errors": 1}, code=str(code))

    def _write(self, dimensions: list[list[str]], values: Values, **more: str) -> None:
        if not self.is_on:
            return
        described = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
        about = {"Namespace": _NAMESPACE, "Dimensions": dimensions, "Metrics": described}
        line = {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [about]},
            "Stack": self.stack,
            **more,
            **values,
        }
        # One write: two of them could be parted by a line of another thread, or end as two log events.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()
