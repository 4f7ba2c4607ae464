"""Connect URLs, as a client that has only a URL to give must write them."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

from mooring.names import display

_RESUMING = ("session", "received")


def connect_url(
    ws_url: str,
    qualified_name: str,
    config: dict[str, Any] | None = None,
    api_key: str | None = None,
    pin: str | None = None,
) -> str:
    """Return the WebSocket URL of a server: `{ws_url}/{owner}/{name}/ws?config=…&api_key=…&pin=…`.

    `config` is written as the Smithery SDK's `createSmitheryUrl` does: base64 of its JSON. The URL holds
    secrets in clear; a one-time ticket (`POST /tickets`) keeps them out of logs.
    `pin` is the `surface` of the server's detail: while it offers something else, it does not start.

    Raises:
        InvalidRequest: `qualified_name` is not `owner/name`.
    """
    query = {}
    if config is not None:
        text = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
        query["config"] = base64.b64encode(text.encode()).decode()
    if api_key is not None:
        query["api_key"] = api_key
    if pin is not None:
        query["pin"] = pin
    address = f"{ws_url.rstrip('/')}/{display(qualified_name)}/ws"
    return f"{address}?{urlencode(query)}" if query else address


def resuming_url(url: str, session: str, received: int) -> str:
    """Return `url`, a connect URL, for the client's own session of which it has `received` frames."""
    address, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in _RESUMING]
    state = [f"session={session}", *([f"received={received}"] if received else [])]
    return f"{address}?{'&'.join([*kept, *state])}"
