"""What a principal and a server may use, and what each worker reports that they do (no I/O).

A function puts the limits into the order of each session, and its worker applies them. Nobody keeps a count
for all workers: each reports its own part, in its row of the Workers table.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from mooring.settings import Settings, SettingsError

Scope = Literal["principal", "server"]

SCOPES: tuple[Scope, ...] = ("principal", "server")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one principal, or of one server; 0 is no limit."""

    sessions: int = 0
    """At once."""
    starts_per_minute: int = 0
    """Of sessions."""
    frames_per_second: int = 0
    """From clients, at one worker."""


class Use(NamedTuple):
    """What a principal, or a server, uses of a worker."""

    sessions: int
    """Whose child runs."""
    starts: int
    """Of the last minute."""


Uses = Mapping[str, Use]
"""By the name of the principal, or of the server."""


def configured(settings: Settings) -> dict[str, dict[str, int]]:
    """Return the limits of each principal and of each server, as an order has them.

    Raises:
        SettingsError: one is negative.
    """
    limits: dict[str, dict[str, int]] = {}
    for scope in SCOPES:
        limits[scope] = {field.name: getattr(settings, f"{scope}_{field.name}") for field in fields(Limits)}
        for name, limit in limits[scope].items():
            if limit < 0:
                raise SettingsError(f"MOORING_{scope}_{name}".upper() + " must be from 0; 0 is no limit")
    return limits


def encode(uses: Uses) -> str:
    """Return `uses` as a worker writes them into its row: `{"p1":[3,5]}`."""
    return json.dumps(uses, separators=(",", ":"))


def decode(text: str) -> dict[str, Use]:
    return {name: Use(*numbers) for name, numbers in json.loads(text).items()}
