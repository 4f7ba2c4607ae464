"""$disconnect: end the session of a connection that has closed.

API Gateway calls this on a best-effort basis; a worker also ends by itself a session whose client it
cannot reach, and the row has a lifetime.
"""

from typing import Any

import boto3

from mooring.errors import MooringError, SessionNotFound
from mooring.observability import logger
from mooring.sessions import SessionTable
from mooring.settings import Settings
from mooring.workers import WorkerClient

settings = Settings.read()
logger.setLevel(settings.log_level)
sessions = SessionTable(boto3.client("dynamodb"), settings.sessions_table)
workers = WorkerClient(settings.worker_secret)


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    connection_id = event["requestContext"]["connectionId"]
    try:
        session = sessions.get(connection_id)
    except SessionNotFound:
        return {"statusCode": 200}
    try:
        workers.end(session.worker_address, session.session_id)
    except MooringError as error:
        # a worker that is gone took the child with it; one that is only slow ends it when idle
        logger.warning(
            "session not ended",
            session_id=session.session_id,
            error=type(error).__name__,
            worker_id=session.worker_id,
        )
    sessions.delete(connection_id)
    return {"statusCode": 200}
