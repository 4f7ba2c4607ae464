"""The Sessions table as a whole, for whoever ends what its owner could not end."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mooring.sessions import ROW_LIFETIME_SECONDS, Session, session_from, session_key


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Of a connection, or of a session that may be resumed."""

    session: Session
    is_connection: bool
    age_seconds: float
    has_requests: bool = False
    """Some have been in flight for a while."""


class SessionRows:
    """`client` is a boto3 DynamoDB client, or anything with its calls."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def all(self) -> Iterator[SessionRow]:
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        for page in pages:
            for item in page["Items"]:
                session = session_from(item)
                left_seconds = int(item["expires_at"]["N"]) - time.time()
                is_connection = item["id"]["S"] == session.connection_id
                yield SessionRow(
                    session, is_connection, ROW_LIFETIME_SECONDS - left_seconds, bool(_ids(item))
                )

    def claim(self, connection_id: str, worker_id: str) -> list[str] | None:
        """Delete the row of a connection; return the ids of requests in flight that its worker wrote into it.

        Of several callers one gets them. None: there is no such row any more, or it is another worker's.
        """
        return self._delete(connection_id, worker_id)

    def forget_session(self, session: Session) -> None:
        """Delete the row by which a session of this worker is resumed; one that is not there is no error."""
        if session.is_resumable:
            self._delete(session_key(session.session_id), session.worker_id)

    def is_of(self, connection_id: str, session_id: str) -> bool:
        """Return whether there is such a connection, of this session."""
        answer = self._client.get_item(
            TableName=self._table, Key={"id": {"S": connection_id}}, ConsistentRead=True
        )
        return bool(answer.get("Item", {}).get("session_id", {}).get("S") == session_id)

    def forget_own(self, key: str, session_id: str, worker_id: str) -> bool:
        """Delete a row if it is of this session at this worker; return whether it was."""
        values = {":session": {"S": session_id}, ":worker": {"S": worker_id}}
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                ConditionExpression="session_id = :session AND worker_id = :worker",
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def note_requests(self, connection_id: str, session_id: str, ids: list[str]) -> bool:
        """Write which requests are in flight into a connection's row, if it is of this session."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": connection_id}},
                UpdateExpression="SET in_flight = :ids",
                ConditionExpression="session_id = :session",
                ExpressionAttributeValues={
                    ":ids": {"L": [{"S": one} for one in ids]},
                    ":session": {"S": session_id},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _delete(self, key: str, worker_id: str) -> list[str] | None:
        try:
            answer = self._client.delete_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                ConditionExpression="worker_id = :worker",
                ExpressionAttributeValues={":worker": {"S": worker_id}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return _ids(answer["Attributes"])


def _ids(item: dict[str, Any]) -> list[str]:
    return [member["S"] for member in item.get("in_flight", {"L": []})["L"]]
