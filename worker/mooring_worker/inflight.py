"""Requests that one side sent and the other has not answered."""

import msgspec


class InFlight:
    """A set of JSON-RPC ids as their senders wrote them.

    Two spellings of one id are one: a server may answer `"é"` as `"\\u00e9"` and `1.0` as `1`. The id `null`
    is nobody's: such a request cannot be told from another and is not tracked.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id_text: bytes) -> None:
        if id_text != b"null":
            self._ids[_spelling(id_text)] = id_text

    def remove(self, id_text: bytes) -> None:
        """Forget a request; one that is not here (answered, cancelled) is no error."""
        self._ids.pop(_spelling(id_text), None)

    def take_all(self) -> list[bytes]:
        """Forget all of them and return their ids, the oldest first."""
        ids = list(self._ids.values())
        self._ids.clear()
        return ids


def _spelling(id_text: bytes) -> bytes:
    if id_text.isdigit() or id_text[:1] not in b'"-0123456789':
        return id_text
    try:
        value = msgspec.json.decode(id_text)
    except msgspec.DecodeError:  # a number out of range
        return id_text
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return msgspec.json.encode(value)
