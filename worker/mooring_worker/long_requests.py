"""Which requests have been in flight for a while (no I/O).

Their ids go into the connection's row, so that whoever finds the worker dead can answer them. Most requests
are answered between two looks and cost no write.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_IDS = 32
MAX_ID_CHARACTERS = 256  # so that a row stays far below DynamoDB's 400 KB, whatever ids a client chooses


class LongRequests:
    """Looks at all connections again and again, in the rhythm of the heartbeat."""

    def __init__(self) -> None:
        self._seen: Mapping[str, frozenset[bytes]] = {}
        self._written: dict[str, list[str]] = {}

    def changes(self, in_flight: Mapping[str, Sequence[bytes]]) -> Iterator[tuple[str, list[str]]]:
        """Give each connection whose row is not up to date, with the ids to write; call `wrote` when done.

        `in_flight` has every connection, with the ids (JSON text) of its requests.
        """
        seen = self._seen
        self._seen = {connection: frozenset(ids) for connection, ids in in_flight.items()}
        for connection in self._written.keys() - in_flight.keys():
            del self._written[connection]
        for connection, ids in in_flight.items():
            lasting = _bounded(id_text for id_text in ids if id_text in seen.get(connection, frozenset()))
            if lasting != self._written.get(connection, []):
                yield connection, lasting

    def wrote(self, connection: str, ids: list[str]) -> None:
        self._written[connection] = ids


def _bounded(ids: Iterable[bytes]) -> list[str]:
    return [id_text.decode() for id_text in ids if len(id_text) <= MAX_ID_CHARACTERS][:MAX_IDS]
