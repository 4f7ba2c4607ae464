"""Has releases built by CodeBuild, and takes them to their end. It is called by

* the stream of the table of releases: what was asked for is taken up by a call of its own, so that no release
  waits for another's scan; what was cancelled is stopped;
* EventBridge, when a build has ended;
* the clock, for what nobody has told of.
"""

import asyncio
import json
from typing import Any

import boto3

from mooring import build_events
from mooring.build_files import BuildFiles
from mooring.build_inputs import BuildInputs
from mooring.build_rows import BuildRows
from mooring.catalog import Catalog
from mooring.catalog_editor import CatalogEditor
from mooring.cloud_builds import CloudBuilds, Terms
from mooring.codebuild import BuildProject
from mooring.observability import logger
from mooring.release_table import Queued, ReleaseTable
from mooring.rollouts import Rollout
from mooring.scanning import scan, scan_http
from mooring.sealing import sealer
from mooring.settings import AwsSettings, Settings
from mooring.tickets import TicketTable

settings = Settings.read()
logger.setLevel(settings.log_level)
dynamodb, functions, seal = boto3.client("dynamodb"), boto3.client("lambda"), sealer(settings)
table = ReleaseTable(dynamodb, settings.releases_table, seal)
rollout = Rollout(
    table,
    Catalog(dynamodb, settings.catalog_table, settings.usage_table),
    CatalogEditor(dynamodb, settings.catalog_table),
    TicketTable(dynamodb, settings.tickets_table, seal),
    settings.ws_url,
    scan,
    scan_http,
    kept=settings.releases_kept,
)
builds = CloudBuilds(
    table,
    BuildRows(dynamodb, settings.releases_table, seal),
    BuildInputs(dynamodb, settings.releases_table, settings.builder_image),
    BuildFiles.configured(boto3.client("s3"), settings, AwsSettings.read()),
    BuildProject(boto3.client("codebuild"), boto3.client("logs"), settings.build_project),
    rollout,
    Terms(settings.public_url, settings.worker_secret, settings.build_minutes, settings.bundle_upload_bytes),
)


def handler(event: dict[str, Any], context: Any) -> None:
    """Raises what keeps a record of the stream from being passed on: the stream hands it over again."""
    if "Records" in event:
        for change in event["Records"]:
            if asked := build_events.asked(change):
                payload = json.dumps({"begin": asked})
                function = context.invoked_function_arn
                functions.invoke(FunctionName=function, InvocationType="Event", Payload=payload)
            elif cancelled := build_events.cancelled(change):
                builds.cancelled(cancelled["server"], cancelled["release"])
    elif begin := event.get("begin"):
        asyncio.run(builds.begin(Queued(begin["server"], begin["release"], is_taken=False)))
    elif event.get("lookAfter"):
        asyncio.run(builds.look_after())
    else:
        asyncio.run(builds.ended(build_events.build(event)))
