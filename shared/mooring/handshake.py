"""Answers of `$connect` to the opening handshake of a client (no I/O)."""

import json
from collections.abc import Mapping
from typing import Any

from mooring.errors import MooringError, Unauthorized

SUBPROTOCOL = "mcp"
"""What the SDKs' WebSocket transports offer; a JavaScript one fails when nobody selects it."""

Answer = dict[str, Any]


def acceptance(headers: Mapping[str, str]) -> Answer:
    """Return the answer that opens the socket; `headers` are the client's, their names in any case."""
    offers = [value for name, value in headers.items() if name.lower() == "sec-websocket-protocol"]
    offered = {name.strip() for offer in offers for name in offer.split(",")}
    selected = {"Sec-WebSocket-Protocol": SUBPROTOCOL} if SUBPROTOCOL in offered else {}
    return {"statusCode": 200, "headers": selected}


def refusal(error: MooringError) -> Answer:
    """Return the answer that says why not: a real HTTP status, and a JSON body with what to change."""
    headers = {"Content-Type": "application/json"}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if error.data and "retryAfterSeconds" in error.data:
        headers["Retry-After"] = str(error.data["retryAfterSeconds"])
    return {"statusCode": error.http_status, "headers": headers, "body": json.dumps(error.as_http())}
