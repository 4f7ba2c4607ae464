"""Commands on API keys."""

import click

from mooring_cli import output
from mooring_cli.target import Target, pass_target


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["client", "admin"]), default="client", show_default=True)
@output.as_json
@pass_target
def create(target: Target, name: str, role: str, as_json: bool) -> None:
    """Make a key and print it. It is shown this once."""
    made = target.registry.create_key(name, role)
    if as_json:
        output.print_json(made)
    else:
        click.echo(made["key"])


@keys.command("list")
@output.as_json
@pass_target
def list_keys(target: Target, as_json: bool) -> None:
    """List the keys: who they are for, never what they are."""
    found = target.registry.keys()
    if as_json:
        output.print_json(found)
    else:
        output.print_table(("ID", "ROLE", "NAME"), [(key["id"], key["role"], key["name"]) for key in found])


@keys.command()
@click.argument("key_id", metavar="ID")
@pass_target
def revoke(target: Target, key_id: str) -> None:
    """Revoke a key; it stops working at once."""
    target.registry.revoke_key(key_id)
