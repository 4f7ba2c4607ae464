"""$connect: who is it, which server, with what configuration; start its child on a worker.

Refusals are the HTTP status of the handshake, with a JSON body that says what to change.
"""

import secrets
from typing import Any

import boto3

from mooring import configuration, handshake
from mooring.catalog import Catalog
from mooring.errors import MooringError, NotDeployed
from mooring.keys import KeyTable
from mooring.observability import logger
from mooring.profiles import ProfileTable
from mooring.sealing import sealer
from mooring.sessions import Session, SessionTable
from mooring.settings import Settings
from mooring.tickets import TicketTable, authenticate
from mooring.workers import WorkerClient, WorkerTable, place

settings = Settings.read()
logger.setLevel(settings.log_level)
dynamodb = boto3.client("dynamodb")
catalog = Catalog(dynamodb, settings.catalog_table, settings.usage_table)
keys = KeyTable(dynamodb, settings.keys_table)
seal = sealer(settings)
tickets = TicketTable(dynamodb, settings.tickets_table, seal)
profiles = ProfileTable(dynamodb, settings.profiles_table, seal)
sessions = SessionTable(dynamodb, settings.sessions_table)
worker_table = WorkerTable(dynamodb, settings.workers_table)
workers = WorkerClient(settings.worker_secret)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    try:
        open_session(event)
    except MooringError as error:
        logger.info("handshake refused", error=type(error).__name__)
        return handshake.refusal(error)
    except Exception:
        logger.exception("handshake failed")
        return handshake.refusal(MooringError("internal error"))
    return handshake.acceptance(event["headers"])


def open_session(event: dict[str, Any]) -> None:
    """Start the session that the connect URL asks for, and remember where it is."""
    connection_id = event["requestContext"]["connectionId"]
    query = event.get("queryStringParameters") or {}
    principal, stored = authenticate(event["headers"], query, keys, tickets)
    if "profile" in query:
        stored = profiles.get(principal, query["profile"])
    server = catalog.get(query.get("_server", ""))
    release = server.release
    if release is None:
        raise NotDeployed(f"{server.qualified_name} is listed but not deployed here: it has no release")
    config = configuration.from_query(query, stored, release.config_schema)
    order = {
        "server": server.name,
        "release": release.id,
        "bundle": release.bundle,
        "launch": release.launch,
        "config": configuration.check(config, release.config_schema),
        "connection": connection_id,
        "is_owner": principal.role == "admin",
        "limits": {"idle_seconds": settings.session_idle_seconds},
    }
    session_id = secrets.token_hex(16)
    worker = place(worker_table.all(), release.bundle or release.id, workers, session_id, order)
    try:
        sessions.put(
            Session(connection_id, session_id, server.name, principal.id, worker.worker_id, worker.address)
        )
    except BaseException:
        workers.end(worker.address, session_id)  # without its row nobody would
        raise
