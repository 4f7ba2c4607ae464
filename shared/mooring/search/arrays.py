"""A file of named arrays that is mapped, not read: what segments and models are kept in.

    magic, 8 bytes | length of the head, uint32 | head: JSON {meta, arrays} | arrays, each at a multiple of 64

Opening one costs a read of the head; of the arrays, the system reads the pages that are touched.
"""

import json
import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_MAGIC = b"MOORARR1"
_ALIGNMENT_BYTES = 64
_MAX_HEAD_BYTES = 1 << 20


class Damaged(Exception):
    """A file is not what its writer left."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """`meta` is JSON; the arrays cannot be written to."""

    meta: dict[str, Any]
    arrays: dict[str, Array]
    mark: tuple[int, int, int] | None = None
    """Of the file it is mapped from: inode, size, time of the last change; None where there is none."""
    path: Path | None = None
    mapped: mmap.mmap | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.mapped) if self.mapped is not None else 0

    def release(self) -> None:
        """Have the system take the pages back that were touched; it keeps them in its cache.

        They count as the process's memory until then, though nobody else needs the room.
        """
        if self.mapped is not None:
            self.mapped.madvise(mmap.MADV_DONTNEED)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def is_untouched(self) -> bool:
        """Return whether nobody wrote to the file since; reading what was cut off a mapped file kills.

        A file that was unlinked is untouched: what is mapped stays.
        """
        return self.path is None or self._mark_now() in (self.mark, None)

    def is_there(self) -> bool:
        """Return whether the file can be opened again as it was."""
        return self.path is None or self._mark_now() == self.mark

    def _mark_now(self) -> tuple[int, int, int] | None:
        try:
            return _mark(os.stat(self.path or ""))  # noqa: PTH116  # once per query, in half the time
        except FileNotFoundError:
            return None


def pack(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return the file."""
    places: dict[str, tuple[str, list[int], int]] = {}
    at = 0
    for name, array in arrays.items():
        places[name] = (array.dtype.str, list(array.shape), at)
        at = _aligned(at + array.nbytes)
    head = json.dumps({"meta": meta, "arrays": places, "bytes": at}, separators=(",", ":")).encode()
    parts: list[bytes | memoryview] = [
        _MAGIC,
        struct.pack("<I", len(head)),
        head,
        _padding(len(_MAGIC) + 4 + len(head)),
    ]
    for array in arrays.values():
        parts += [np.ascontiguousarray(array).data if array.size else b"", _padding(array.nbytes)]
    return b"".join(parts)


def unpack(data: bytes) -> Arrays:
    """Return what `pack` was given, over the same memory; raises Damaged."""
    return Arrays(*_views(memoryview(data)))


def load(path: Path) -> Arrays:
    """Map a file.

    Raises:
        Damaged: it is cut short, or none of ours.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_size < len(_MAGIC) + 4:
            raise Damaged(f"{path.name} has {status.st_size} bytes")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Arrays(*_views(memoryview(mapped)), mark=_mark(status), path=path, mapped=mapped)


def _views(data: memoryview) -> tuple[dict[str, Any], dict[str, Array]]:
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise Damaged("a file of arrays has another beginning")
    (head_bytes,) = struct.unpack_from("<I", data, len(_MAGIC))
    begin = len(_MAGIC) + 4
    try:
        head = json.loads(bytes(data[begin : begin + min(head_bytes, _MAX_HEAD_BYTES)]))
        start = _aligned(begin + head_bytes)
        if len(data) != start + head["bytes"]:
            raise Damaged(f"a file of arrays has {len(data)} bytes and not {start + head['bytes']}")
        arrays = {
            name: np.frombuffer(data, dtype, int(np.prod(shape, dtype=np.int64)), start + at).reshape(shape)
            for name, (dtype, shape, at) in head["arrays"].items()
        }
        return head["meta"], arrays
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the head of a file of arrays cannot be read: {error}") from error


def _mark(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _padding(size: int) -> bytes:
    return bytes(_aligned(size) - size)


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
