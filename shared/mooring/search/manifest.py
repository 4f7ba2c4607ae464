"""Which segments are the index: the one small blob that changes, and with it all that readers see."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mooring.search import arrays
from mooring.search.arrays import Damaged
from mooring.search.blobs import Blobs, Missing
from mooring.search.segment import Segment

NAME = "manifest.json"
_FORMAT = 1


class IndexLost(Exception):
    """There is no index, or it is damaged or of another encoder: it has to be built from the record."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment's blob; its name says its content."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    encoder: str
    """Id of the encoder that all vectors came from."""
    base: Part
    delta: Part | None = None
    """What was added or changed since the base was written."""
    dead: Sequence[int] = ()
    """Rows of the base that were changed or deleted since."""
    retired: Sequence[tuple[str, float]] = ()
    """Blobs that are no part any more, and since when: readers may be about to open them."""

    @property
    def parts(self) -> list[Part]:
        return [self.base, *([self.delta] if self.delta else [])]

    def as_bytes(self) -> bytes:
        return json.dumps({"format": _FORMAT, **asdict(self)}, separators=(",", ":")).encode()


def part_of(packed: bytes) -> Part:
    sha256 = hashlib.sha256(packed).hexdigest()
    return Part(f"segment-{sha256[:24]}.arrays", len(packed), sha256)


def read(blobs: Blobs) -> Manifest:
    """Raises IndexLost when there is none that can be read."""
    try:
        found = json.loads(blobs.get(NAME))
        if found.pop("format") != _FORMAT:
            raise IndexLost("the index has another format")
        found["base"] = Part(**found["base"])
        found["delta"] = Part(**found["delta"]) if found["delta"] else None
        found["retired"] = [(name, float(since)) for name, since in found["retired"]]
        return Manifest(**found)
    except Missing as error:
        raise IndexLost("there is no index") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexLost(f"the manifest of the index cannot be read: {error}") from error


def load(blobs: Blobs, part: Part) -> Segment:
    """Return a segment whose file is what its writer left.

    Raises:
        IndexLost: it is missing, or has another content.
    """
    try:
        path = blobs.file(part.name)
        if path.stat().st_size != part.bytes or _sha256(path) != part.sha256:
            blobs.forget(part.name)
            raise IndexLost(f"{part.name} is damaged")
        return Segment.of(arrays.load(path))
    except (Missing, FileNotFoundError) as error:
        raise IndexLost(f"{part.name} is missing") from error
    except (Damaged, KeyError) as error:
        raise IndexLost(f"{part.name} cannot be read: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
