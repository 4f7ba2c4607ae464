"""How a failure is told: its cause in one line, the next step in another."""

from collections.abc import Sequence
from typing import IO, Any

import click

from mooring import errors
from mooring.errors import MooringError

_NEXT_STEPS: dict[type[MooringError], str] = {
    errors.Unauthorized: "Log in with a key, mooring login <url>; an admin makes one: mooring keys create",
    errors.Forbidden: "This needs an admin's key; one makes it: mooring keys create <name> --role admin",
    errors.ServerNotFound: "See which servers there are: mooring list",
    errors.SurfaceChanged: "See what it offers now, and connect with the new pin: mooring show <server>",
    errors.NotClaimable: "Its owner or an admin can transfer it; mooring show <server> --json says who",
    errors.NotProven: "Put the line where it belongs, wait until it can be seen there, and verify again",
    errors.NotDeployed: "It is listed and not hosted here; host it: mooring add",
    errors.InvalidConfig: "Give the configuration it wants: --config <file.json>; see mooring show <server>",
    errors.SessionNotFound: "Connect again: a new session starts a new process",
    errors.StartFailed: "Try the same command on this machine by itself; what it needs may be missing",
    errors.ChildExited: "Try again: a new session starts a new process",
    errors.ConnectionGone: "Connect again",
    errors.FrameTooLarge: "Send less in one message",
    errors.LimitReached: "End some sessions, or wait a moment",
    errors.WorkerUnavailable: "Try again in a moment; if that does not help, look at the worker's log",
}


class Failure(click.ClickException):
    """A failure the user can do something about; `details` are lines that show what happened."""

    def __init__(self, cause: str, next_step: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(cause)
        self.next_step = next_step
        self.details = tuple(details)

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {self.message}", err=True)
        for line in self.details:
            click.echo(f"  | {line}", err=True)
        if self.next_step:
            click.echo(f"Next: {self.next_step}", err=True)


def failure(error: MooringError) -> Failure:
    """Return what the command says about an error of Mooring's."""
    if isinstance(error, errors.ScanFailed):
        return Failure(error.message, error.advice, _details(error.data or {}))
    steps = (_NEXT_STEPS.get(kind) for kind in type(error).__mro__ if issubclass(kind, MooringError))
    return Failure(error.message, next(filter(None, steps), ""), _details(error.data or {}))


def _details(data: dict[str, Any]) -> list[str]:
    """Return the lines for the `data` that `mooring.errors` documents."""
    lines = [f"{entry.get('pointer') or '/'}: {entry.get('reason')}" for entry in data.get("errors", [])]
    ends = {"exit code": data.get("exitCode"), "signal": data.get("signal")}
    lines += [f"{label}: {value}" for label, value in ends.items() if value is not None]
    stderr = data.get("stderr", [])
    lines += stderr.splitlines() if isinstance(stderr, str) else stderr
    return lines
