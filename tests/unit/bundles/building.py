"""Building a bundle in the home of a test."""

from pathlib import Path

from mooring_local import bundles
from mooring_local.bundles import Bundle


def build(home: Path, source: str | Path, *command: str) -> Bundle:
    return bundles.build(str(source), home / "bundles", home / "runtimes", lambda line: None, command)


def names(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "bundles").iterdir())
