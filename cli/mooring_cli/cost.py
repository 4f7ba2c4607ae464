"""`mooring cost`: what a Mooring in AWS costs, computed on this machine."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import click

from mooring_cli import cost_page, costing, output, prices

_USUAL = costing.Load()


class _Number(click.FloatRange):
    """click takes "nan", which is in every range, and "inf"."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number to compute with; give a finite one", param, ctx)
        return number


_Command = Callable[..., None]


def _option(
    name: str, default: float, text: str, most: float | None = None
) -> Callable[[_Command], _Command]:
    return click.option(name, type=_Number(0, most), default=default, show_default=True, help=text)


@click.command()
@_option("--sessions-per-day", _USUAL.sessions_per_day, "Sessions that start in a day.")
@_option("--minutes-per-session", _USUAL.minutes_per_session, "How long a session lasts.")
@_option("--pairs-per-session", _USUAL.pairs_per_session, "Requests with their answers, in a session.")
@_option("--bytes-per-message", _USUAL.bytes_per_message, "Of a request and of an answer.", 131_072)
@click.option("--engine", type=click.Choice(["pool", "microvm"]), default="pool", show_default=True)
@click.option("--architecture", type=click.Choice(["arm64", "x86_64"]), default="arm64", show_default=True)
@click.option(
    "--sessions-per-task",
    type=click.IntRange(1, 1000),
    default=_USUAL.sessions_per_task,
    show_default=True,
    help="TaskSlots of the stack.",
)
@click.option(
    "--warm-tasks",
    type=click.IntRange(0, 500),
    default=_USUAL.warm_tasks,
    show_default=True,
    help="PoolMin of the stack.",
)
@_option("--bursts-per-hour", _USUAL.bursts_per_hour, "Of calls, in a MicroVM; 0: it is never suspended.")
@_option("--idle-seconds", _USUAL.idle_seconds, "After which a MicroVM is suspended.", 28_800)
@click.option("--endpoints", is_flag=True, help="FunctionEgress of the stack is endpoints.")
@click.option("--prices", "own", default="", metavar="FILE", help="TOML with prices of your own.")
@click.option(
    "--region-factor",
    type=_Number(0.1, 10),
    default=1.0,
    show_default=True,
    help="What your Region asks for 1 USD of us-east-1.",
)
@click.option("--reference", is_flag=True, help="Print the tables of docs/cost.md with these prices instead.")
@output.as_json
def cost(own: str, region_factor: float, reference: bool, as_json: bool, **load: Any) -> None:
    """Compute what a Mooring in AWS costs in a month, item by item, in USD.

    Asks nobody: list prices of us-east-1, or yours. docs/cost.md says what is assumed and what is left out.
    """
    listed = prices.read(own, region_factor)
    if reference:
        _print_reference(listed, as_json)
        return
    expected = costing.Load(**load)
    if expected.engine == "microvm" and expected.architecture != "arm64":
        raise click.BadParameter("MicroVMs are arm64 only; leave it out", param_hint="'--architecture'")
    items = costing.month(listed, expected)
    if as_json:
        output.print_json(
            {
                "usdPerMonth": round(costing.total(items), 4),
                "items": [asdict(item) for item in items],
                "load": asdict(expected),
            }
        )
    else:
        _print(*cost_page.month_table(items))


def _print_reference(listed: prices.Prices, as_json: bool) -> None:
    tables = {name: cost_page.TABLES[name](listed) for name in ("pairs", "session-hours", "idle")}
    if as_json:
        output.print_json(
            {
                name: [dict(zip(header, row, strict=True)) for row in rows]
                for name, (header, rows) in tables.items()
            }
        )
        return
    for name, (header, rows) in tables.items():
        click.echo(f"{_TITLES[name]}\n")
        _print(header, rows)
        click.echo()


_TITLES = {
    "pairs": "One million requests with their answers, 2 KB each way",
    "session-hours": "1,000 session-hours",
    "idle": "A month without a client",
}


def _print(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    output.print_table([name.upper() for name in header], rows)
