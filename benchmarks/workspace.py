"""The folder of the benchmark: what it built and installed, and the logs of what it started."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
WORKSPACE = REPOSITORY / ".bench"
LOGS = WORKSPACE / "logs"


def prepare() -> None:
    LOGS.mkdir(parents=True, exist_ok=True)


def log_file(name: str) -> Path:
    """Return where the output of a target goes."""
    return LOGS / f"{name.replace(' ', '-').replace('/', '-')}.log"
