"""POST /_/callback/{session}: what a worker without AWS credentials, in a MicroVM, asks for.

Its signature says for which session it speaks; it may reach the client of that session, change the rows of
that session, and say that the session is over. The answers are those of @connections, so that the worker
treats both alike.
"""

import base64
import time
from typing import Any
from urllib.parse import unquote

from mooring import callbacks
from mooring.connections import Connections
from mooring.dynamodb_client import DynamoDBClient
from mooring.errors import MooringError, Unauthorized
from mooring.microvm_api import MicrovmApi
from mooring.microvm_rows import MicrovmRows
from mooring.microvms import Microvms
from mooring.observability import logger
from mooring.session_rows import SessionRows
from mooring.settings import AwsSettings, Settings
from mooring.usage import UsageTable
from mooring.worker_reports import Report, WorkerReports

settings = Settings.read()
logger.setLevel(settings.log_level)
aws = AwsSettings.read()
dynamodb = DynamoDBClient(aws)
reports = WorkerReports(
    Connections(settings.connections_url, aws),
    SessionRows(dynamodb, settings.sessions_table),
    MicrovmRows(dynamodb, settings.workers_table),
    UsageTable(dynamodb, settings.usage_table),
    Microvms(MicrovmApi(aws), settings.callback_secret),
)


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    session_id = unquote((event.get("pathParameters") or {}).get("session", ""))
    try:
        return {"statusCode": carry_out(session_id, event)}
    except Unauthorized as error:
        logger.warning("callback refused", session_id=session_id, reason=error.message)
        return {"statusCode": 403}
    except MooringError as error:
        logger.warning("callback not understood", session_id=session_id, reason=error.message)
        return {"statusCode": 400}
    except Exception:
        logger.exception("callback failed", session_id=session_id)
        return {"statusCode": 500}


def carry_out(session_id: str, event: dict[str, Any]) -> int:
    """Check who calls, do what is wanted and return the status to answer."""
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    headers = {name.lower(): value for name, value in event["headers"].items()}
    callbacks.check(settings.callback_secret, session_id, body, headers, time.time())
    return reports.carry_out(session_id, Report.read(body))
