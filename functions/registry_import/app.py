"""Every hour: bring what the registry of `ImportFrom` has changed into the catalog.

Its place is kept after every page. What one call has no time for is left to the next one.
"""

import time
from typing import Any

import boto3

from mooring.catalog_editor import CatalogEditor
from mooring.import_positions import ImportPositions
from mooring.imports.entries import imported
from mooring.imports.read_api import pages
from mooring.imports.writing import Tally, write
from mooring.keys import Principal
from mooring.observability import logger
from mooring.official_registry import OfficialRegistry
from mooring.server_batches import put_batch
from mooring.server_bodies import Batch
from mooring.settings import Settings

_MARGIN_MILLISECONDS = 60_000  # for one more page: each wait for the registry takes half of it at most
_IMPORTER = Principal(id="registry-import", scopes=frozenset({"admin"}), key_id="")

settings = Settings.read()
logger.setLevel(settings.log_level)
dynamodb = boto3.client("dynamodb")
editor = CatalogEditor(dynamodb, settings.catalog_table)
positions = ImportPositions(dynamodb, settings.catalog_table)


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    tally = Tally()
    try:
        there = OfficialRegistry(settings.import_from)
        for page, position in pages(there.read, positions.get(there.name), time.time()):
            write(imported(page.entries, there.name), _send, tally)
            positions.put(there.name, position)
            if context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS:
                break
    except Exception:
        logger.exception("import not finished")
        raise  # so that the function counts as failed; the next call goes on with the same page
    finally:
        for one in tally.refused:
            logger.warning("not imported", entry=one.label, reason=one.reason)
        logger.info("imported", outcomes=dict(tally.outcomes))
    return dict(tally.outcomes)


def _send(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = put_batch(editor, Batch(servers=entries), _IMPORTER)["results"]
    return results
