"""Which worker holds the session of a connection: the Sessions table.

A row is written when `$connect` has started the child and deleted when the session has ended. It holds
no configuration and no credential.
"""

import time
from dataclasses import dataclass
from typing import Any

from mooring.errors import SessionNotFound

_ROW_LIFETIME_SECONDS = 2 * 3600 + 900  # API Gateway cuts a connection after two hours


@dataclass(frozen=True, slots=True)
class Session:
    connection_id: str
    session_id: str
    server: str
    principal: str
    worker_id: str
    worker_address: str
    """`http://host:port`."""


_FIELDS = tuple(Session.__dataclass_fields__)


class SessionTable:
    """`client` is a boto3 DynamoDB client, or anything with its four calls."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, session: Session) -> None:
        item = {name: {"S": getattr(session, name)} for name in _FIELDS}
        item["expires_at"] = {"N": str(int(time.time()) + _ROW_LIFETIME_SECONDS)}
        self._client.put_item(TableName=self._table, Item=item)

    def get(self, connection_id: str) -> Session:
        """Return the session of a connection.

        Raises:
            SessionNotFound: it has none, or none any more.
        """
        answer = self._client.get_item(
            TableName=self._table, Key={"connection_id": {"S": connection_id}}, ConsistentRead=True
        )
        if "Item" not in answer:
            raise SessionNotFound("this connection has no session; connect again to start one")
        return Session(**{name: answer["Item"][name]["S"] for name in _FIELDS})

    def delete(self, connection_id: str) -> None:
        """Forget a connection; an unknown one is no error."""
        self._client.delete_item(TableName=self._table, Key={"connection_id": {"S": connection_id}})


class SessionCache:
    """Rows a function has read, so that a frame on a warm function reads no table.

    A row never changes while its connection lives, so nothing here goes stale; what a worker disowns is
    forgotten and read again.
    """

    def __init__(self, table: SessionTable, *, size: int = 10_000) -> None:
        self._table = table
        self._size = size
        self._sessions: dict[str, Session] = {}

    def get(self, connection_id: str) -> Session:
        """Return the session of a connection; raises SessionNotFound."""
        session = self._sessions.get(connection_id)
        if session is None:
            session = self._table.get(connection_id)
            if len(self._sessions) >= self._size:
                self._sessions.pop(next(iter(self._sessions)), None)  # the oldest: dicts keep their order
            self._sessions[connection_id] = session
        return session

    def forget(self, connection_id: str) -> None:
        self._sessions.pop(connection_id, None)
