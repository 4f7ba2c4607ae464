"""The Lambda events of the three WebSocket routes, field by field as API Gateway sends them."""

import base64
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

Event = dict[str, Any]

# API Gateway terminates these two and does not show them to $connect.
_HOP_BY_HOP = frozenset({"connection", "upgrade"})


@dataclass(frozen=True)
class Api:
    """The names an API has in its events and addresses."""

    stage: str = "local"
    api_id: str = "mooring000"
    domain_name: str = "localhost"


def new_id() -> str:
    """Return an id in API Gateway's form, which ends in `=`: code that forgets to quote it fails here too."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


def connection_context(
    api: Api, connection_id: str, connected_at: float, source_ip: str, user_agent: str | None
) -> Event:
    """Return the part of `requestContext` that all events of one connection share."""
    identity = {"sourceIp": source_ip}
    if user_agent is not None:
        identity["userAgent"] = user_agent
    return {
        "messageDirection": "IN",
        "stage": api.stage,
        "connectedAt": int(connected_at * 1000),
        "identity": identity,
        "domainName": api.domain_name,
        "connectionId": connection_id,
        "apiId": api.api_id,
    }


def connect(
    context: Event, request_id: str, at: float, query: str, headers: Iterable[tuple[str, str]]
) -> Event:
    """Return the $connect event. `query` is as sent; header names keep the client's letter case.

    Of a repeated header or parameter the single-valued fields have the last one. Without a query there
    are no query fields.
    """
    multi_headers = _grouped((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP)
    event = {
        "headers": _last_values(multi_headers),
        "multiValueHeaders": multi_headers,
        "requestContext": _request_context(context, "$connect", "CONNECT", request_id, at),
        "isBase64Encoded": False,
    }
    if parameters := _grouped(parse_qsl(query, keep_blank_values=True)):
        event["queryStringParameters"] = _last_values(parameters)
        event["multiValueQueryStringParameters"] = parameters
    return event


def message(context: Event, request_id: str, at: float, message_id: str, body: str) -> Event:
    """Return the $default event of one text message. It has no headers and no query."""
    request_context = _request_context(context, "$default", "MESSAGE", request_id, at)
    request_context["messageId"] = message_id
    return {"requestContext": request_context, "body": body, "isBase64Encoded": False}


def disconnect(context: Event, request_id: str, at: float, code: int, reason: str) -> Event:
    """Return the $disconnect event; its four headers are those AWS sends, mostly empty."""
    headers = {"Host": context["domainName"], "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    request_context = _request_context(context, "$disconnect", "DISCONNECT", request_id, at)
    request_context["disconnectStatusCode"] = code
    request_context["disconnectReason"] = reason
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": request_context,
        "isBase64Encoded": False,
    }


def _request_context(context: Event, route_key: str, event_type: str, request_id: str, at: float) -> Event:
    return {
        **context,
        "routeKey": route_key,
        "eventType": event_type,
        "requestId": request_id,
        "extendedRequestId": request_id,
        "requestTime": _request_time(int(at)),
        "requestTimeEpoch": int(at * 1000),
    }


@lru_cache(maxsize=2)  # one text serves all frames of a second
def _request_time(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def _last_values(groups: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in groups.items()}
