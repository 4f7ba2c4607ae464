"""`mooring search`: servers, or single tools, as a table with the words marked that were found."""

import re
from collections.abc import Iterable
from typing import Any

import click

from mooring_cli import output
from mooring_cli.target import Target, pass_target

_Page = dict[str, Any]


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many to show.")
@click.option("--tools", is_flag=True, help="Search the tools of all servers.")
@output.as_json
@pass_target
def search(target: Target, words: tuple[str, ...], limit: int, tools: bool, as_json: bool) -> None:
    """Search the servers; owner:<name>, repo:<name>, is:deployed and is:verified narrow it down."""
    noun = "tools" if tools else "servers"
    ask = target.registry.tools if tools else target.registry.servers
    found = ask(" ".join(words), page_size=limit)
    if as_json:
        output.print_json(found)
        return
    if found[noun]:
        print_table = _print_tools if tools else _print_servers
        print_table(found[noun])
    _say_how_many(found, noun)


def _print_servers(servers: list[_Page]) -> None:
    rows = [
        (
            server["qualifiedName"],
            "deployed" if server["isDeployed"] else "",
            output.first_line(server["description"]),
        )
        for server in servers
    ]
    output.print_table(("SERVER", "", "DESCRIPTION"), rows, [_matching(server) for server in servers])


def _print_tools(tools: list[_Page]) -> None:
    rows = [(tool["name"], tool["server"], output.first_line(tool["description"])) for tool in tools]
    output.print_table(("TOOL", "SERVER", "DESCRIPTION"), rows, [_matching(tool) for tool in tools])


def _say_how_many(found: _Page, noun: str) -> None:
    total = found["pagination"]["totalCount"]
    shown = len(found[noun])
    click.echo(f"{shown} of {total} {noun}" if shown < total else f"{total} {noun}", err=True)
    for unknown in found.get("unknownFilters", ()):
        click.echo(f"{unknown} is no filter, and was left out", err=True)


def _matching(entry: _Page) -> re.Pattern[str] | None:
    """Return what finds the words that the entry was found by; another registry may not tell them."""
    words: Iterable[str] = entry.get("matched") or ()
    found = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{found})(?![^\W_])", re.IGNORECASE) if found else None
