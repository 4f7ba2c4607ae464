"""Keeps the search index: with every change in the catalog's stream, and once a day as a whole.

The daily run takes up the use counts that searches without words go by, and heals whatever went wrong.
"""

import tempfile
from pathlib import Path
from typing import Any

import boto3

from mooring.catalog import Catalog
from mooring.indexing import CatalogIndexer
from mooring.observability import logger
from mooring.search import blobs, models
from mooring.settings import Settings

settings = Settings.read()
logger.setLevel(settings.log_level)
catalog = Catalog(boto3.client("dynamodb"), settings.catalog_table, settings.usage_table)
indexer = CatalogIndexer(
    catalog,
    blobs.opened(settings.search_index, Path(tempfile.gettempdir(), "mooring-indexer")),
    models.encoder(settings.encoder, settings.models),
)


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what keeps the index from being written: the stream hands its records over again."""
    if event.get("rebuild"):
        indexer.rebuild()
    else:
        indexer.follow(event["Records"])
