"""Which worker holds the session of a connection: the Sessions table.

A row is written when `$connect` has started the child and deleted when the connection is closed or the
session has ended. A session that may be resumed has a second one from its start to its end, under
`session#<id>`, which names its last connection. No row holds configuration or a credential.
"""

import time
from dataclasses import dataclass
from typing import Any

from mooring.errors import Conflict, SessionNotFound

ROW_LIFETIME_SECONDS = 2 * 3600 + 900  # API Gateway cuts a connection after two hours


@dataclass(frozen=True, slots=True)
class Session:
    connection_id: str
    session_id: str
    server: str
    principal: str
    worker_id: str
    worker_address: str
    """`http://host:port`."""
    is_resumable: bool = False
    """It outlives its connection: its frames are counted, and the client may come back for them."""


_TEXTS = ("connection_id", "session_id", "server", "principal", "worker_id", "worker_address")


class SessionTable:
    """`client` is a boto3 DynamoDB client, or anything with its four calls."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, session: Session) -> None:
        self._client.put_item(TableName=self._table, Item=_item(session.connection_id, session))

    def get(self, connection_id: str) -> Session:
        """Return the session of a connection.

        Raises:
            SessionNotFound: it has none, or none any more.
        """
        answer = self._client.get_item(
            TableName=self._table, Key={"id": {"S": connection_id}}, ConsistentRead=True
        )
        if "Item" not in answer:
            raise SessionNotFound("this connection has no session; connect again to start one")
        return session_from(answer["Item"])

    def delete(self, connection_id: str) -> None:
        """Forget a connection; an unknown one is no error."""
        self._client.delete_item(TableName=self._table, Key={"id": {"S": connection_id}})

    def find(self, session_id: str) -> Session | None:
        """Return a session that may be resumed, on its last connection."""
        answer = self._client.get_item(
            TableName=self._table, Key={"id": {"S": session_key(session_id)}}, ConsistentRead=True
        )
        return session_from(answer["Item"]) if "Item" in answer else None

    def claim(self, session: Session, lost: Session | None) -> None:
        """Make `session` the one of its id that may be resumed, in the place of `lost` or of none.

        Raises:
            Conflict: somebody else has done so.
        """
        if lost is None:
            self._put_if(session, "attribute_not_exists(id)", {})
        else:
            condition = "worker_id = :worker AND connection_id = :connection"
            values = {":worker": lost.worker_id, ":connection": lost.connection_id}
            self._put_if(session, condition, values)

    def refresh(self, session: Session) -> None:
        """Note the new connection of a session that is resumed.

        Raises:
            Conflict: it has ended, or another one was started under its id.
        """
        self._put_if(session, "worker_id = :worker", {":worker": session.worker_id})

    def _put_if(self, session: Session, condition: str, values: dict[str, str]) -> None:
        given = {"ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(session_key(session.session_id), session),
                ConditionExpression=condition,
                **(given if values else {}),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict("another connection has opened this session") from error


def session_key(session_id: str) -> str:
    return f"session#{session_id}"  # no connection has such an id


def _item(key: str, session: Session) -> dict[str, Any]:
    item: dict[str, Any] = {name: {"S": getattr(session, name)} for name in _TEXTS}
    item["id"] = {"S": key}
    item["expires_at"] = {"N": str(int(time.time()) + ROW_LIFETIME_SECONDS)}
    if session.is_resumable:
        item["is_resumable"] = {"BOOL": True}
    return item


def session_from(item: dict[str, Any]) -> Session:
    return Session(**{name: item[name]["S"] for name in _TEXTS}, is_resumable="is_resumable" in item)


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
