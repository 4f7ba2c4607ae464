"""`mooring import`: servers of another registry, or of a file, into the catalog."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.errors import MooringError
from mooring.settings import LocalSettings
from mooring_cli import output
from mooring_cli.failures import Failure, failure
from mooring_cli.target import Target, pass_target

if TYPE_CHECKING:
    from mooring.imports.writing import Tally
    from mooring_cli.import_run import Run

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_INTERVAL = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")
_OUTCOMES = ("created", "updated", "unchanged", "deleted", "kept", "invalid")


class _Interval(click.ParamType[float]):
    name = "interval"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _INTERVAL.fullmatch(str(value))
        if not found or not float(found[1]):
            self.fail(f"{value!r} is not a number and a unit, like 30m, 1h or 2d", param, ctx)
        return float(found[1]) * _UNIT_SECONDS[found[2]]


@click.command("import")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "origin", metavar="URL|FILE", help="A registry, or a saved answer of one.")
@click.option("--every", type=_Interval(), metavar="1h", help="Go on: import so often what has changed.")
@click.option("--full", is_flag=True, help="Read all of the registry, not only what has changed.")
@click.option("--source", help="What the servers are from; else the registry's address, or the file's name.")
@click.option("--overwrite", is_flag=True, help="Replace servers of the same name that are from elsewhere.")
@output.as_json
@pass_target
def import_servers(
    target: Target,
    file: Path | None,
    origin: str | None,
    every: float | None,
    full: bool,
    source: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Fill the catalog from a FILE of lines, or --from another registry.

    A line of FILE is one server, as JSON. A registry is what has the API of the official one. What was
    imported before is brought up to date; a server that was published here is kept as it is.
    """
    if (file is None) == (origin is None):
        raise click.UsageError("Give a file of lines, or --from and a registry.")
    if every and "://" not in (origin or ""):
        raise click.UsageError("--every needs --from and the address of a registry.")

    def once(from_the_start: bool) -> "Tally":
        from mooring_cli.import_run import Run  # pydantic takes a while to import

        run = Run(target.registry, source=source, overwrite=overwrite)
        _read(run, target, file, origin, from_the_start=from_the_start)
        _report(run.tally, as_json)
        return run.tally

    try:
        tally = once(full)
        if every:
            _again_and_again(lambda: once(False), every)
    except KeyboardInterrupt:
        raise Failure("Stopped", "The same command goes on where it was") from None
    if tally.refused:
        raise SystemExit(1)


def _read(run: "Run", target: Target, file: Path | None, origin: str | None, *, from_the_start: bool) -> None:
    from mooring.imports import read_api
    from mooring_cli.import_place import Place

    if file is not None:
        run.read_lines(file)
    elif origin is not None and "://" in origin:
        home = Path(LocalSettings.read().home)
        place = Place.of(home, target.url, read_api.registry(origin))
        run.read_registry(origin, place, from_the_start=from_the_start)
    elif origin is not None:
        run.read_answer(Path(origin))


def _again_and_again(once: Callable[[], object], every_seconds: float) -> None:
    """Import until Ctrl-C; what goes wrong is told, and may have passed the next time."""
    while True:
        time.sleep(every_seconds)
        try:
            once()
        except Failure as told:
            told.show()
        except MooringError as error:
            failure(error).show()
        except OSError as error:
            Failure(f"Mooring cannot be reached: {error}").show()


def _report(tally: "Tally", as_json: bool) -> None:
    if as_json:
        output.print_json(
            {
                "counts": dict(tally.outcomes),
                "invalid": [{"entry": one.label, "reason": one.reason} for one in tally.refused],
                "kept": [{"entry": one.label, "reason": one.reason} for one in tally.kept],
            }
        )
        return
    counts = [f"{tally.outcomes[outcome]} {outcome}" for outcome in _OUTCOMES if tally.outcomes[outcome]]
    click.echo(", ".join(counts) or "Nothing has changed")
