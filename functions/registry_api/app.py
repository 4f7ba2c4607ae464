"""The HTTP API: the registry's app, on Lambda."""

import boto3
from mangum import Mangum

from mooring.catalog import Catalog
from mooring.keys import KeyTable
from mooring.observability import logger
from mooring.profiles import ProfileTable
from mooring.registry_api import create_app
from mooring.sealing import sealer
from mooring.settings import Settings
from mooring.tickets import TicketTable

settings = Settings.read()
logger.setLevel(settings.log_level)
dynamodb = boto3.client("dynamodb")
seal = sealer(settings)

app = create_app(
    Catalog(dynamodb, settings.catalog_table, settings.usage_table),
    KeyTable(dynamodb, settings.keys_table),
    TicketTable(dynamodb, settings.tickets_table, seal),
    ProfileTable(dynamodb, settings.profiles_table, seal),
    ws_url=settings.ws_url,
    public_url=settings.public_url,
)
handler = Mangum(app, lifespan="off")
