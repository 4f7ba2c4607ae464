"""The command that shows what the children of a server printed."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from mooring.errors import LimitReached, MooringError, SessionNotFound
from mooring_cli import arguments, output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0  # a registry that is started anew is back before

_ID_CHARACTERS = 8  # what is shown of a session's id, and is enough to name it
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

Json = dict[str, Any]


def _checked(context: click.Context, parameter: click.Parameter, of: str) -> str:
    return arguments.SERVER_NAME.convert(of, parameter, context) if "/" in of else of


@click.command()
@click.argument("of", metavar="SERVER|SESSION", callback=_checked)
@click.option("-f", "--follow", is_flag=True, help="Show lines as they are printed, until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(1, 1000), default=100, show_default=True, help="The last lines."
)
@output.as_json
@pass_target
def logs(target: Target, of: str, follow: bool, lines: int, as_json: bool) -> None:
    """Show what a server printed beside its messages.

    SERVER is its name, for the lines of all its sessions; SESSION is the id of one, or how it begins.
    Sessions that ended are shown for a quarter of an hour, with how they ended. --json prints an object per
    line.
    """
    registry = target.registry
    shown = _Shown(as_json)
    try:
        answer = registry.logs(of, lines)
        shown.show(answer)
        if follow:
            _follow(lambda cursor: registry.logs(of, lines, cursor), answer, shown, ends="/" not in of)
        elif not shown.anything:
            _explain_nothing(of, answer["sessions"])
    except SessionNotFound as error:
        raise Failure(error.message, "See the lines of all sessions: mooring logs <owner/name>") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as a shell has it; nothing is wrong


def _follow(read: Callable[[str], Json], answer: Json, shown: "_Shown", *, ends: bool) -> None:
    """Show what follows an answer; if it `ends`, until a child has ended and what it printed is shown."""
    has_ended = False
    while not (ends and has_ended) or answer["more"]:
        has_ended = has_ended or any("end" in line for line in answer["lines"])
        if not answer["more"]:
            time.sleep(POLL_SECONDS)
        answer = _patiently(read, answer["cursor"])
        shown.show(answer)


def _patiently(read: Callable[[str], Json], cursor: str) -> Json:
    """Wait for a Mooring that cannot be reached now, but for no longer than PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return read(cursor)
        except (OSError, MooringError) as error:
            if not _may_pass(error) or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, MooringError) or error.http_status >= 500 or isinstance(error, LimitReached)


class _Shown:
    def __init__(self, as_json: bool) -> None:
        self._print = _print_json if as_json else _print_text
        self._notes: set[str] = set()
        self.anything = False

    def show(self, answer: Json) -> None:
        """Print the lines of an answer, and once each what is to be known of them."""
        for worker in answer["silent"]:
            self._note(f"Worker {worker} does not answer: the lines of its sessions are missing")
        for worker in answer["gone"]:
            self._note(f"Worker {worker} is gone, and with it the lines of its sessions")
        if answer["lost"]:
            self._note("Some lines were printed faster than they could be read, and are lost")
        for line in answer["lines"]:
            self._print(line)
            self.anything = True

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.add(text)
            click.echo(text, err=True)
        self.anything = True


def _explain_nothing(name: str, sessions: int) -> None:
    if sessions:
        click.echo(f"{sessions} sessions of {name} can be seen, and none has printed anything", err=True)
    else:
        click.echo(f"No session of {name} runs, and none that printed anything has ended lately", err=True)


def _print_json(line: Json) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


def _print_text(line: Json) -> None:
    # What a server prints must not steer the terminal of whoever reads it.
    text = _CONTROL.sub("�", _COLOUR.sub("", line["text"]))
    if line["stream"] == "session":
        text = f"[{text}]"
    at = datetime.fromisoformat(line["at"]).astimezone().strftime("%m-%d %H:%M:%S")
    click.echo(f"{at} {line['session'][:_ID_CHARACTERS]} {text}")
