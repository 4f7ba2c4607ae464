"""The time of day, as it is injected into what depends on it and as it is written down."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since the epoch; `time.time` but in tests."""


def iso8601(at: float) -> str:
    """Return seconds since the epoch as `2026-11-20T12:00:00.123Z`: sorts as text in order of time."""
    milliseconds = int(at * 1000)
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000)) + f".{milliseconds % 1000:03}Z"
    )
