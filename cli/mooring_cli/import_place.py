"""Where an import from a registry is, kept in a file so that the next command goes on there."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from mooring.imports.read_api import Position


@dataclass(frozen=True)
class Place:
    path: Path

    @classmethod
    def of(cls, home: Path, target: str, registry: str) -> "Place":
        """Return the place of the import from `registry` into the Mooring at `target`."""
        digest = hashlib.sha256(f"{target}\n{registry}".encode()).hexdigest()
        return cls(home / "imports" / f"{digest[:16]}.json")

    def read(self) -> Position:
        try:
            return Position.from_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Position()

    def save(self, position: Position) -> None:
        """Replace what is kept, so that a crash leaves the one or the other."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(".new")
        with written.open("w", encoding="utf-8") as file:
            file.write(position.as_json())
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.path)
