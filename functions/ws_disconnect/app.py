"""$disconnect: tell the worker that a connection has closed. A plain session ends; one to be resumed waits.

API Gateway calls this on a best-effort basis; a worker also ends by itself a session whose client it
cannot reach, and the row has a lifetime.
"""

from typing import Any

from mooring.dynamodb_client import DynamoDBClient
from mooring.errors import MooringError, SessionNotFound
from mooring.microvms import Microvms
from mooring.observability import about, also, configure, logger
from mooring.sessions import SessionTable
from mooring.settings import AwsSettings, Settings
from mooring.workers import WorkerClient

settings = Settings.read()
configure(settings)
aws = AwsSettings.read()
sessions = SessionTable(DynamoDBClient(aws), settings.sessions_table)
workers = WorkerClient(settings.worker_secret, microvms=Microvms.configured(settings, aws))


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    request = event["requestContext"]
    connection_id, code = request["connectionId"], request.get("disconnectStatusCode") or 0
    about(connection_id=connection_id)
    try:
        session = sessions.get(connection_id)
    except SessionNotFound:
        return {"statusCode": 200}
    also(session_id=session.session_id, worker_id=session.worker_id)
    logger.info("connection closed", close_code=code)
    try:
        workers.detach(session.worker_address, session.session_id, connection_id, code)
    except MooringError as error:
        # a worker that is gone took the child with it; one that is only slow ends it when idle
        logger.warning("session not told", error=type(error).__name__)
    sessions.delete(connection_id)
    return {"statusCode": 200}
