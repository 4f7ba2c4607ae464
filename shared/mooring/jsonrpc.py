"""JSON-RPC messages that Mooring itself writes to a client (no I/O).

Only the standard library: `ws_default` imports this on its cold start. Ids are handled as their JSON
text, so that `1.0`, `"1"` and 90071992547409931 come back as they were sent.
"""

import json
from typing import Any


def request_ids(frame: str) -> list[str]:
    """Return the JSON text of the id of every request in `frame`, in order.

    Notifications and responses have no id to answer; a batch may have several; a frame that is not
    JSON has none.
    """
    try:
        message = json.loads(frame, parse_int=_Verbatim, parse_float=_Verbatim)
    except (ValueError, RecursionError):
        return []
    members = message if isinstance(message, list) else [message]
    return [
        _id_text(member["id"])
        for member in members
        if isinstance(member, dict) and "method" in member and "id" in member
    ]


def error_frame(id_text: str, error: dict[str, Any]) -> str:
    """Return the response that gives `error` to the request whose id is `id_text` (JSON text)."""
    return f'{{"jsonrpc":"2.0","id":{id_text},"error":{json.dumps(error, separators=(",", ":"))}}}'


def log_frame(level: str, text: str) -> str:
    """Return the notification that tells a client something no request of its own asked for."""
    params = {"level": level, "logger": "mooring", "data": text}
    return json.dumps(
        {"jsonrpc": "2.0", "method": "notifications/message", "params": params}, separators=(",", ":")
    )


class _Verbatim(str):
    """A number, kept as it was written."""


def _id_text(value: object) -> str:
    return str(value) if isinstance(value, _Verbatim) else json.dumps(value)
