"""What AWS tells of releases and their builds, as it hands it to a function (no I/O)."""

from collections.abc import Mapping
from typing import Any

Change = Mapping[str, Any]
"""A record of the stream of the table of releases: `dynamodb` has `Keys` and `NewImage`."""


def asked(change: Change) -> dict[str, str] | None:
    """Return `server` and `release` of what was asked for; None: it is about something else."""
    server, item = _keys(change)
    if change["eventName"] != "INSERT" or server != "queue":
        return None
    release, _, name = item.partition("#")
    return {"server": name, "release": release}


def cancelled(change: Change) -> dict[str, str] | None:
    """Return `server` and `release` of what was cancelled; None: it is about something else."""
    server, item = _keys(change)
    status = change["dynamodb"].get("NewImage", {}).get("status", {}).get("S")
    if change["eventName"] != "MODIFY" or status != "CANCELLED" or not item.startswith("release#"):
        return None
    return {"server": server, "release": item.removeprefix("release#")}


def build(event: Mapping[str, Any]) -> str:
    """Return the id of the build whose state has changed, by EventBridge; there it is an ARN."""
    return str(event["detail"]["build-id"]).partition(":build/")[2]


def _keys(change: Change) -> tuple[str, str]:
    keys = change["dynamodb"]["Keys"]
    return keys["server"]["S"], keys["item"]["S"]
