"""`mooring releases`: what was built of a server, how it went, and how to go back."""

from typing import Any

import click

from mooring_cli import arguments, following, output
from mooring_cli.target import Target, pass_target

release_id = click.argument("release", default="latest")


@click.group()
def releases() -> None:
    """Look at the releases of a server, follow one, go back to one."""


@releases.command("list")
@arguments.server
@output.as_json
@pass_target
def list_releases(target: Target, server: str, as_json: bool) -> None:
    """List the releases of a server, the newest first."""
    found = target.registry.releases(server)
    if as_json:
        output.print_json(found)
        return
    rows = [
        ("*" if one["isCurrent"] else "", one["id"], one["status"], _tools(one), _source(one["source"]))
        for one in found
    ]
    output.print_table(("", "RELEASE", "STATUS", "TOOLS", "SOURCE"), rows)


@releases.command()
@arguments.server
@release_id
@pass_target
def show(target: Target, server: str, release: str) -> None:
    """Print what is known of a release, as JSON; without its id, of the latest."""
    output.print_json(target.registry.release(server, release))


@releases.command()
@arguments.server
@release_id
@click.option("-f", "--follow", is_flag=True, help="Go on until it is over.")
@pass_target
def logs(target: Target, server: str, release: str, follow: bool) -> None:
    """Print the log of a release; without its id, of the latest."""
    if follow:
        following.check(server, following.follow(target.registry, server, release))
        return
    for entry in target.registry.release(server, release)["logs"]:
        following.print_line(entry)


@releases.command()
@arguments.server
@release_id
@click.option("--to", default="", help="The release to compare with; by default the one that was live then.")
@output.as_json
@pass_target
def changes(target: Target, server: str, release: str, to: str, as_json: bool) -> None:
    """Say what a release offers that another one did not, and the other way round."""
    found = target.registry.release_changes(server, release, to)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (one["kind"], one["name"], one["change"], "yes" if one["isBreaking"] else "", one.get("detail") or "")
        for one in found
    ]
    output.print_table(("KIND", "NAME", "CHANGE", "BREAKS", "DETAIL"), rows)


@releases.command()
@arguments.server
@click.argument("release")
@pass_target
def rollback(target: Target, server: str, release: str) -> None:
    """Make an earlier release the live one; sessions of the present one go on to their end."""
    target.registry.act_on_release(server, release, "rollback")
    click.echo(f"{server} runs release {release}")


@releases.command()
@arguments.server
@release_id
@arguments.config
@pass_target
def retry(target: Target, server: str, release: str, config: dict[str, Any] | None) -> None:
    """Make a release that has failed once more; --config is what its scan starts it with, and is not kept."""
    body = {} if config is None else {"config": config}
    again = target.registry.act_on_release(server, release, "retry", body)
    following.check(server, following.follow(target.registry, server, again["id"]))


@releases.command()
@arguments.server
@release_id
@pass_target
def cancel(target: Target, server: str, release: str) -> None:
    """End a release that is being made."""
    done = target.registry.act_on_release(server, release, "cancel")
    click.echo(f"Release {done['id']} of {server} is cancelled")


def _tools(release: dict[str, Any]) -> str:
    return str((release["offers"] or {}).get("tools", ""))


def _source(source: dict[str, Any]) -> str:
    where = source.get("spec") or source.get("url") or source.get("name") or ""
    what = [f"{source['type']}:{where}", source.get("ref"), source.get("folder")]
    return " ".join(text for text in what if text)
