"""Which requests a worker has in flight, in a file that outlives it.

A worker that is killed with SIGKILL says nothing more, and its clients are owed an answer to every request.
What a process wrote into a mapped file stays there when it dies, and costs a microsecond to write. Whoever
sees the worker die on the same machine reads the file; `docs/operations.md` has what holds elsewhere.
"""

import mmap
import struct
from collections import defaultdict
from pathlib import Path

_SLOT_BYTES = 256
_SLOTS = 4096  # the file is sparse: only slots that were in use take room
_HEAD = struct.Struct("<BBH")  # in use; length of the session id; length of the request id
NO_SLOT = -1


class Ledger:
    """Empties the file `path` and keeps it mapped. What does not fit, huge ids above all, is left out."""

    def __init__(self, path: Path) -> None:
        with path.open("w+b") as file:
            file.truncate(_SLOT_BYTES * _SLOTS)
            self._slots = mmap.mmap(file.fileno(), _SLOT_BYTES * _SLOTS)
        self._free: list[int] = []
        self._unused = 0

    def enter(self, session_id: bytes, request_id: bytes) -> int:
        """Write a request down; return where, for `leave`."""
        end = _HEAD.size + len(session_id) + len(request_id)
        if end > _SLOT_BYTES or not (self._free or self._unused < _SLOTS):
            return NO_SLOT
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._unused = self._unused, self._unused + 1
        at = slot * _SLOT_BYTES
        self._slots[at + _HEAD.size : at + end] = session_id + request_id
        _HEAD.pack_into(self._slots, at, 1, len(session_id), len(request_id))  # last: it makes the slot count
        return slot

    def leave(self, slot: int) -> None:
        """Cross out what `enter` wrote at `slot`."""
        if slot != NO_SLOT:
            self._slots[slot * _SLOT_BYTES] = 0
            self._free.append(slot)

    def close(self) -> None:
        self._slots.close()


def read(path: Path) -> dict[str, list[str]]:
    """Return the ids (JSON text) of the requests in flight by session; none when there is no such file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for at in range(0, len(content) - _SLOT_BYTES + 1, _SLOT_BYTES):
        is_used, session_bytes, request_bytes = _HEAD.unpack_from(content, at)
        if is_used:
            middle = at + _HEAD.size + session_bytes
            session_id = content[at + _HEAD.size : middle].decode()
            found[session_id].append(content[middle : middle + request_bytes].decode())
    return dict(found)
