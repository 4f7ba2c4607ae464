"""What a session is started with: the body of `PUT /sessions/{id}`, checked."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mooring.errors import InvalidRequest
from mooring.launch import Computed, Launch, planned
from mooring.limits import SCOPES, Limits, Scope, Use
from mooring_worker.quotas import Party

_LIMITS = tuple(field.name for field in dataclasses.fields(Limits))


@dataclass(frozen=True, slots=True)
class Order:
    server: str
    release: str
    connection: str
    launch: Launch | Computed
    bundle: str
    """Digest of the release's bundle; empty: it has none."""
    bundle_url: str
    """Where its archive is to be had; empty: it is on the worker's disk."""
    is_owner: bool
    """The client owns the server: it may see what the server printed."""
    idle_seconds: float
    resume_seconds: float
    """How long the session waits for its client to come back; 0: it ends with its connection."""
    parties: tuple[Party, ...]
    """Whom the session counts for; an order need not name a principal."""

    @classmethod
    def read(cls, body: bytes, bundles: Path, directory: Path, idle_seconds: float) -> Self:
        """Parse `body`; `directory` is the session's own, `idle_seconds` holds when the body sets no limit.

        Raises:
            InvalidRequest: names the field that is missing or cannot be used.
        """
        try:
            fields = json.loads(body)
        except ValueError as error:
            raise InvalidRequest("the body is not JSON") from error
        if not isinstance(fields, dict):
            raise InvalidRequest("the body is not a JSON object")
        bundle = fields.get("bundle")
        return cls(
            server=_typed(fields, "server", str),
            release=str(fields.get("release") or ""),
            connection=_typed(fields, "connection", str),
            launch=planned(
                _typed(fields, "launch", dict),
                _typed({"config": {}, **fields}, "config", dict),
                str(bundles / _typed(fields, "bundle", str)) if bundle else None,
                str(directory),
            ),
            bundle=str(bundle or ""),
            bundle_url=_bundle_url(fields),
            is_owner=bool(fields.get("is_owner")),
            idle_seconds=_idle_seconds(fields, idle_seconds),
            resume_seconds=_resume_seconds(fields),
            parties=tuple(_party(fields, scope) for scope in SCOPES if fields.get(scope)),
        )


def _typed(fields: dict[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if not isinstance(value, kind) or value == "":
        raise InvalidRequest(f"{name} is missing or of the wrong type")
    return value


def _bundle_url(fields: dict[str, Any]) -> str:
    url = _typed(fields, "bundle_url", str) if fields.get("bundle_url") else ""
    if url and not url.startswith(("https://", "http://")):
        raise InvalidRequest("bundle_url must be an http(s) URL")
    return str(url)


def _idle_seconds(fields: dict[str, Any], default: float) -> float:
    limits = _typed({"limits": {}, **fields}, "limits", dict)
    seconds = limits.get("idle_seconds", default)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise InvalidRequest("limits.idle_seconds must be a positive number")
    return float(seconds)


def _resume_seconds(fields: dict[str, Any]) -> float:
    seconds = fields.get("resume_seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise InvalidRequest("resume_seconds must be a number from 0")
    return float(seconds)


def _party(fields: dict[str, Any], scope: Scope) -> Party:
    limits = fields.get("limits", {}).get(scope, {})
    if not isinstance(limits, dict):
        raise InvalidRequest(f"limits.{scope} must be an object")
    numbers = {name: limits.get(name, 0) for name in _LIMITS}
    for name, number in numbers.items():
        if type(number) is not int or number < 0:
            raise InvalidRequest(f"limits.{scope}.{name} must be a whole number from 0; 0 is no limit")
    return Party(scope, _typed(fields, scope, str), Limits(**numbers), _reported(fields, scope))


def _reported(fields: dict[str, Any], scope: Scope) -> dict[str, Use]:
    try:
        return {
            worker: Use(int(sessions), int(starts))
            for worker, (sessions, starts) in fields.get("reported", {}).get(scope, {}).items()
        }
    except (AttributeError, TypeError, ValueError):
        raise InvalidRequest(f'reported.{scope} must be {{"<worker id>": [<sessions>, <starts>]}}') from None
