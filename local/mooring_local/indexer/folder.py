"""What the indexer keeps in the index's folder beside the index."""

import time
from pathlib import Path

from mooring.search import manifest
from mooring.search.blobs import FolderBlobs
from mooring.search.manifest import IndexLost

_LEFT_SECONDS = 600.0


class IndexFolder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path / "indexed-until"

    def mark(self, at: float) -> None:
        """Note that all that was in the stream at that time, in seconds since the epoch, is in the index."""
        self._mark.write_text(str(at), encoding="utf-8")

    def marked(self) -> float | None:
        """Return what was noted last; None: there is nothing that makes sense."""
        try:
            return float(self._mark.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def sweep(self) -> None:
        """Remove files that a killed indexer has left: of no manifest, and not of one being written."""
        try:
            current = manifest.read(FolderBlobs(self._path))
        except IndexLost:
            return
        kept = {part.name for part in current.parts} | {name for name, _ in current.retired}
        for pattern in ("segment-*", ".segment-*"):
            for path in self._path.glob(pattern):
                if path.name not in kept and time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                    path.unlink(missing_ok=True)
