"""$connect: who is it, which server, with what configuration; start its child on a worker.

Refusals are the HTTP status of the handshake, with a JSON body that says what to change.
"""

from typing import Any

from mooring import admission, configuration, edits, limits
from mooring.bundle_store import BundleStore
from mooring.catalog import Catalog
from mooring.dynamodb_client import DynamoDBClient
from mooring.keys import KeyTable
from mooring.microvm_start import chosen, configured
from mooring.observability import configure
from mooring.opening import Opening, Wanted
from mooring.profiles import ProfileTable
from mooring.sealing import sealer
from mooring.sessions import SessionTable
from mooring.settings import AwsSettings, Settings
from mooring.tickets import TicketTable, authenticate
from mooring.workers import WorkerTable

settings = Settings.read()
configure(settings)
aws = AwsSettings.read()
dynamodb = DynamoDBClient(aws)
bundles = BundleStore.configured(settings.bundles, aws)
catalog = Catalog(dynamodb, settings.catalog_table, settings.usage_table, fresh_seconds=1.0)
keys = KeyTable(dynamodb, settings.keys_table)
seal = sealer(settings)
tickets = TicketTable(dynamodb, settings.tickets_table, seal)
profiles = ProfileTable(dynamodb, settings.profiles_table, seal)
sessions = SessionTable(dynamodb, settings.sessions_table)
worker_table = WorkerTable(dynamodb, settings.workers_table)
workers, isolation = configured(settings, aws, dynamodb)
allowed = limits.configured(settings)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return admission.answer(event, open_session)


def open_session(event: dict[str, Any]) -> bool:
    """Start or resume the session that the connect URL asks for; return whether it was started."""
    connection_id = event["requestContext"]["connectionId"]
    query = event.get("queryStringParameters") or {}
    principal, stored = authenticate(event["headers"], query, keys, tickets)
    principal.require("connect")
    if "profile" in query:
        stored = profiles.get(principal, query["profile"])
    server, wanted = catalog.get(query.get("_server", "")), Wanted.read(query)
    opening = Opening(connection_id, principal.id, server.name, wanted, sessions, workers)
    if opening.resume(worker_table):
        return False
    if "pin" in query:
        from mooring import surface  # most clients have none

        server = catalog.latest(server.name)
        surface.check(query["pin"], server.offers)
    if "release" in query:  # one that is not live, to be looked at before it is
        edits.check_owner(server, principal)
    release = catalog.release(server, query["release"]) if "release" in query else server.deployed()
    engine = chosen(server, isolation, settings.engine)
    config = configuration.from_query(query, stored, release.config_schema)
    order = {
        "server": server.name,
        "release": release.id,
        "bundle": release.bundle,
        "bundle_url": bundles.address(release.bundle) if bundles and release.bundle else None,
        "launch": release.launch,
        "config": configuration.check(config, release.config_schema),
        "connection": connection_id,
        "is_owner": edits.is_owner(server, principal),
        "limits": {"idle_seconds": settings.session_idle_seconds, **allowed},
        "resume_seconds": settings.resume_seconds if wanted.session_id else 0,
    }
    opening.start(worker_table, release.bundle or release.id, order, engine)
    return True
