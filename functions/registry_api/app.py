"""The HTTP API: the registry's app, on Lambda."""

import boto3
from mangum import Mangum

from mooring.build_inputs import BuildInputs
from mooring.build_reports_api import BuildReports
from mooring.bundle_store import BundleStore
from mooring.bundle_uploads import Bundles
from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.claim_proofs import Proofs
from mooring.claims import Claims
from mooring.keys import KeyTable
from mooring.logs_api import WORKER_TIMEOUT_SECONDS, ChildLogs
from mooring.observability import logger
from mooring.profiles import ProfileTable
from mooring.registry_api import create_app
from mooring.registry_search import configured
from mooring.release_table import ReleaseTable
from mooring.releases_api import Releases
from mooring.sealing import sealer
from mooring.settings import AwsSettings, Settings
from mooring.tickets import TicketTable
from mooring.uploads import Uploads
from mooring.workers import WorkerClient, WorkerTable

settings = Settings.read()
logger.setLevel(settings.log_level)
dynamodb = boto3.client("dynamodb")
seal = sealer(settings)
catalog = Catalog(dynamodb, settings.catalog_table, settings.usage_table)
editor = CatalogEditor(dynamodb, settings.catalog_table)
keys = KeyTable(dynamodb, settings.keys_table)
releases = ReleaseTable(dynamodb, settings.releases_table, seal)
inputs = BuildInputs(dynamodb, settings.releases_table, settings.builder_image)
app = create_app(
    catalog,
    editor,
    keys,
    TicketTable(dynamodb, settings.tickets_table, seal),
    ProfileTable(dynamodb, settings.profiles_table, seal),
    ChildLogs(
        WorkerTable(dynamodb, settings.workers_table),
        WorkerClient(settings.worker_secret, timeout_seconds=WORKER_TIMEOUT_SECONDS),
    ),
    configured(settings, dynamodb, catalog),
    Bundles(
        BundleStore.configured(settings.bundles, AwsSettings.read()),
        settings.worker_platform,
        settings.bundle_upload_bytes,
    ),
    releases=Releases(releases, Uploads.configured(settings, AwsSettings.read()), settings.stream_seconds),
    # Where nothing else builds, nobody reports.
    build_reports=BuildReports(releases, inputs, settings.worker_secret) if settings.builder_image else None,
    claims=Claims(dynamodb, settings.catalog_table, editor, keys, Proofs.public()),
    ws_url=settings.ws_url,
    public_url=settings.public_url,
    key_requests_per_minute=settings.key_requests_per_minute,
)
handler = Mangum(app, lifespan="off")
