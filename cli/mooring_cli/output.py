"""What commands print: tables for people, JSON for programs."""

import json
import re
import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_GAP = "  "


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    marks: Sequence[re.Pattern[str] | None] = (),
) -> None:
    """Print aligned columns; the last one is cut where the terminal ends.

    There, what the `marks` of a row match is bold. Publishers' control characters are left out.
    """
    table = [[_printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header) - 1)]
    for row, mark in zip_longest(table, [None, *marks]):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        line = _fit(_GAP.join([*cells, row[-1]]))
        click.echo(mark.sub(_bold, line) if mark else line)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _bold(found: re.Match[str]) -> str:
    return click.style(found[0], bold=True)


def first_line(text: str | None) -> str:
    return next(iter((text or "").strip().splitlines()), "")


def print_tools(tools: Sequence[dict[str, Any]]) -> None:
    rows = [(tool["name"], first_line(tool.get("description"))) for tool in tools]
    print_table(("TOOL", "DESCRIPTION"), rows)


def _fit(line: str) -> str:
    """Return `line` as wide as the terminal at most; whole when the output is no terminal."""
    if not sys.stdout.isatty():
        return line.rstrip()
    columns = shutil.get_terminal_size().columns
    return line if len(line) <= columns else f"{line[: columns - 1]}…"
