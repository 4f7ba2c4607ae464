"""$default: pass one client frame to the session's child.

frame -> sessions.get -> workers.send -> (worker -> child -> worker) -> @connections -> client

The child's answer never comes back through here: a server may speak at any time and a tool may run for
minutes. The only thing this function says to a client is why its frame was not delivered.
"""

from typing import Any

import boto3

from mooring import jsonrpc
from mooring.connections import Connections
from mooring.errors import ConnectionGone, InvalidFrame, MooringError
from mooring.observability import logger
from mooring.sessions import SessionCache, SessionTable
from mooring.settings import AwsSettings, Settings
from mooring.workers import WorkerClient

settings = Settings.read()
logger.setLevel(settings.log_level)
sessions = SessionCache(SessionTable(boto3.client("dynamodb"), settings.sessions_table))
workers = WorkerClient(settings.worker_secret)
connections = Connections(settings.connections_url, AwsSettings.read())


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    request = event["requestContext"]
    connection_id, frame = request["connectionId"], event.get("body") or ""
    try:
        session = sessions.get(connection_id)
        workers.send(session.worker_address, session.session_id, frame, request["messageId"])
    except MooringError as error:
        sessions.forget(connection_id)
        logger.info("frame not delivered", connection_id=connection_id, error=type(error).__name__)
        answer(connection_id, frame, error)
    except Exception:  # a raised error would reach the client as an API Gateway object, not JSON-RPC
        logger.exception("frame not delivered", connection_id=connection_id)
        answer(connection_id, frame, MooringError("internal error"))
    return {"statusCode": 200}


def answer(connection_id: str, frame: str, error: MooringError) -> None:
    ids = ["null"] if isinstance(error, InvalidFrame) else jsonrpc.request_ids(frame)
    try:
        for id_text in ids:
            connections.post(connection_id, jsonrpc.error_frame(id_text, error.as_jsonrpc()))
    except ConnectionGone:
        logger.info("client left before its error", connection_id=connection_id)
    except MooringError:
        logger.warning("error not delivered", connection_id=connection_id, requests=len(ids))
