"""Requests that one side sent and the other has not answered."""

from mooring.envelope import spelling
from mooring.ledger import Ledger


class InFlight:
    """A set of JSON-RPC ids as their senders wrote them.

    Two spellings of one id are one: a server may answer `"é"` as `"\\u00e9"` and `1.0` as `1`. The id
    `null` is nobody's: such a request cannot be told from another and is not tracked. A `ledger` has them for
    whoever is there when the worker is not.
    """

    __slots__ = ("_ids", "_ledger", "_session_id", "_slots")

    def __init__(self, ledger: Ledger | None = None, session_id: str = "") -> None:
        self._ids: dict[bytes, bytes] = {}
        self._ledger = ledger
        self._session_id = session_id.encode()
        self._slots: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id_text: bytes) -> None:
        if id_text == b"null":
            return
        key = spelling(id_text)
        if self._ledger and key not in self._ids:
            self._slots[key] = self._ledger.enter(self._session_id, id_text)
        self._ids[key] = id_text

    def remove(self, id_text: bytes) -> None:
        """Forget a request; one that is not here (answered, cancelled) is no error."""
        key = spelling(id_text)
        if self._ids.pop(key, None) and self._ledger:
            self._ledger.leave(self._slots.pop(key))

    def ids(self) -> list[bytes]:
        """Return their ids, the oldest first."""
        return list(self._ids.values())

    def take_all(self) -> list[bytes]:
        """Forget all of them and return their ids, the oldest first."""
        ids = self.ids()
        self._ids.clear()
        if self._ledger:
            for slot in self._slots.values():
                self._ledger.leave(slot)
            self._slots.clear()
        return ids
