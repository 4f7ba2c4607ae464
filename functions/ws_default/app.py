"""$default: pass one client frame to the session's child.

frame -> sessions.get -> workers.send -> (worker -> child -> worker) -> @connections -> client

The child's answer never comes back through here: a server may speak at any time and a tool may run for
minutes. The only thing this function says to a client is why its frame was not delivered. The connection of a
session that may be resumed it closes instead: the client comes back, and sends the frame again.
"""

from typing import Any

from mooring import jsonrpc
from mooring.connections import Connections
from mooring.dynamodb_client import DynamoDBClient
from mooring.errors import ConnectionGone, InvalidFrame, LimitReached, MooringError
from mooring.farewells import Farewells
from mooring.microvms import Microvms
from mooring.observability import about, also, configure, logger, metrics
from mooring.session_rows import SessionRows
from mooring.sessions import Session, SessionCache, SessionTable
from mooring.settings import AwsSettings, Settings
from mooring.workers import WorkerClient, WorkerDead, WorkerSilent

settings = Settings.read()
configure(settings)
aws = AwsSettings.read()
dynamodb = DynamoDBClient(aws)
sessions = SessionCache(SessionTable(dynamodb, settings.sessions_table))
workers = WorkerClient(settings.worker_secret, microvms=Microvms.configured(settings, aws))
connections = Connections(settings.connections_url, aws)
farewells = Farewells(SessionRows(dynamodb, settings.sessions_table), connections, settings.ledgers)


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    request = event["requestContext"]
    connection_id, frame = request["connectionId"], event.get("body") or ""
    about(connection_id=connection_id, message_id=request["messageId"])
    session = None
    try:
        session = sessions.get(connection_id)
        also(session_id=session.session_id, worker_id=session.worker_id)
        pass_on(session, connection_id, frame, request["messageId"])
        logger.debug("frame passed on", bytes=len(frame))
    except MooringError as error:
        if not isinstance(error, LimitReached):
            sessions.forget(connection_id)
        logger.info("frame not delivered", error=type(error).__name__)
        report(session, connection_id, frame, error)
    except Exception:  # a raised error would reach the client as an API Gateway object, not JSON-RPC
        logger.exception("frame not delivered")
        uncounted = None if session else {"undelivered": True}  # by a client that counts its session's frames
        report(session, connection_id, frame, MooringError("internal error", uncounted))
    return {"statusCode": 200}


def pass_on(session: Session, connection_id: str, frame: str, message_id: str) -> None:
    """Hand a frame to its session's worker; raises what its requests are to be answered with."""
    try:
        workers.send(session.worker_address, session.session_id, frame, message_id, connection_id)
    except WorkerSilent as error:
        if session.is_resumable and not isinstance(error, WorkerDead):
            raise
        sessions.forget(connection_id)  # and nobody else answers what a dead worker has in flight
        if not farewells.tell_worker_lost(session, refused=jsonrpc.request_ids(frame)):
            raise  # the others have been told


def report(session: Session | None, connection_id: str, frame: str, error: MooringError) -> None:
    metrics.error(error.jsonrpc_code)
    ids = ["null"] if isinstance(error, InvalidFrame) else jsonrpc.request_ids(frame)
    try:
        if session and session.is_resumable:
            return connections.close(connection_id)
        for id_text in ids:
            connections.post(connection_id, jsonrpc.error_frame(id_text, error.as_jsonrpc()))
    except ConnectionGone:
        logger.info("client left before its error")
    except MooringError:
        logger.warning("error not delivered", requests=len(ids))
