"""What the worker counts."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Counts:
    """Since the worker started, but for `uses`: calls of tools per server, not yet reported."""

    starts: int = 0
    start_failures: int = 0
    frames_in: int = 0
    frames_out: int = 0
    uses: Counter[str] = field(default_factory=Counter)


def exposition(counts: Counts, *, sessions: int, children: int, capacity: int) -> bytes:
    """Return the metrics in the text format of Prometheus."""
    values = (
        ("sessions", "gauge", "Sessions that exist, dead ones included.", sessions),
        ("children", "gauge", "Sessions whose child runs.", children),
        ("capacity", "gauge", "Children that may run at once.", capacity),
        ("session_starts_total", "counter", "Sessions started.", counts.starts),
        ("start_failures_total", "counter", "Children that ended before a frame.", counts.start_failures),
        ("frames_in_total", "counter", "Frames from clients to children.", counts.frames_in),
        ("frames_out_total", "counter", "Frames from children to clients.", counts.frames_out),
        ("resident_memory_bytes", "gauge", "Resident memory of the worker alone.", resident_bytes()),
    )
    return "".join(
        f"# HELP mooring_worker_{name} {meaning}\n# TYPE mooring_worker_{name} {kind}\n"
        f"mooring_worker_{name} {value}\n"
        for name, kind, meaning, value in values
    ).encode()


def resident_bytes() -> int:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
