"""How much is measured."""

from dataclasses import dataclass

from benchmarks.messages import echo, fill


@dataclass(frozen=True)
class Load:
    """Calls of one size by `sessions` clients at once, each with `in_flight` of them unanswered."""

    name: str
    size_bytes: int
    sessions: int
    in_flight: int


# Windows that fit Mooring's buffers, 1 MiB per session and direction. A bridge that stops for ever when more
# is in flight than the pipes hold is not spared.
LOADS = (
    Load("1 x 64, 100 B", 100, 1, 64),
    Load("32 x 1, 100 B", 100, 32, 1),
    Load("1 x 8, 10 KB", 10_000, 1, 8),
    Load("1 x 4, 100 KB", 100_000, 1, 4),
)

ROUND_TRIPS = {
    "100 B": echo(100),
    "10 KB": echo(10_000),
    "100 KB": echo(100_000),
    "100 KB back": fill(100_000),
}


@dataclass(frozen=True)
class Plan:
    rounds: int
    window_seconds: float
    """Length of each timed loop."""
    rtt_calls: int
    """At most so many calls for one round-trip figure."""
    starts: int
    sessions: int
    """Sessions at once for memory and children."""
    cold_starts: int = 11
    """Fresh processes for each figure of a cold start."""
    step_seconds: float = 10.0
    """When a step takes longer, an answer was lost, and that is the result."""


FULL = Plan(rounds=3, window_seconds=0.6, rtt_calls=1500, starts=12, sessions=50)
QUICK = Plan(
    rounds=1,
    window_seconds=0.25,
    rtt_calls=400,
    starts=6,
    sessions=50,
    cold_starts=5,
    step_seconds=5.0,
)
