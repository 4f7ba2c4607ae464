"""A release while it is made: its log as it grows, and how it ended."""

import time
from typing import Any

import click

from mooring.client.registry import Registry
from mooring_cli.failures import Failure

OVER = frozenset({"SUCCESS", "FAILURE", "FAILURE_SCAN", "AUTH_TIMEOUT", "CANCELLED", "INTERNAL_ERROR"})
_WAITS = "AUTH_REQUIRED"
_LOOK_SECONDS = 0.2
_STYLES = {"error": "red", "success": "green", "start": "bright_black"}
_LABEL_WIDTH = 9


def follow(registry: Registry, server: str, release_id: str, *, quiet: bool = False) -> dict[str, Any]:
    """Print the log of a release until it is over, or waits for its publisher; return what is known then."""
    line = 0
    while True:
        release = registry.release(server, release_id, line)
        for entry in release["logs"]:
            if not quiet:
                print_line(entry)
        line = release["nextLine"]
        if release["status"] in OVER or release["status"] == _WAITS:
            return release
        time.sleep(_LOOK_SECONDS)


def print_line(entry: dict[str, Any]) -> None:
    text = "".join(character for character in entry["message"] if character.isprintable())
    label = click.style(entry["stage"].ljust(_LABEL_WIDTH), dim=True)
    click.echo(f"{label} {click.style(text, fg=_STYLES.get(entry['level']))}", err=True)


def check(server: str, release: dict[str, Any]) -> None:
    """Raise Failure unless a release has succeeded."""
    status, error = release["status"], release.get("error") or {}
    if status == "SUCCESS":
        return
    message = error.get("message") or "it did not succeed"
    if status == "CANCELLED":
        message = "it was cancelled, or a newer release was asked for"
    advice = error.get("advice") or f"See its log: mooring releases logs {server} {release['id']}"
    raise Failure(f"release {release['id']} of {server} is {status}: {message}", advice)
