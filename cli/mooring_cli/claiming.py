"""`mooring claim` and `mooring claims`: servers that are listed, and whose they are."""

from typing import Any

import click

from mooring_cli import arguments, output
from mooring_cli.target import Target, pass_target

METHODS = ("file", "dns", "well-known", "operator")  # as in mooring.claim_places


@click.command()
@arguments.server
@click.option(
    "--method", type=click.Choice(METHODS), default="file", show_default=True, help="How you prove it."
)
@click.option("--message", default="", help="With --method operator: why it is yours.")
@click.option("--verify", is_flag=True, help="Have it checked now that the proof is in its place.")
@output.as_json
@pass_target
def claim(target: Target, server: str, method: str, message: str, verify: bool, as_json: bool) -> None:
    """Become the owner of a server that was imported, or listed by an operator.

    Prints what to put where: a file in the repository, a TXT record or a page of the homepage's host. Then
    run the command again with --verify. With --method operator a person decides.
    """
    if verify:
        detail = target.registry.verify_claim(server)
        if as_json:
            output.print_json(detail)
        else:
            click.echo(f"{detail['qualifiedName']} is yours: you are {detail['owner']}")
        return
    asked = target.registry.claim_server(server, method, message)
    if as_json:
        output.print_json(asked)
    elif asked["content"] is None:
        click.echo("Your request waits for an operator of this Mooring")
    else:
        _print_challenge(server, asked)


@click.group()
def claims() -> None:
    """Decide, as an admin, on claims that wait for an operator."""


@claims.command("list")
@output.as_json
@pass_target
def list_claims(target: Target, as_json: bool) -> None:
    """List the claims that wait."""
    found = target.registry.claims()
    if as_json:
        output.print_json(found)
        return
    rows = [(one["server"], one["principal"], one["createdAt"][:10], one["message"]) for one in found]
    output.print_table(("SERVER", "PRINCIPAL", "SINCE", "MESSAGE"), rows)


@claims.command()
@arguments.server
@click.argument("principal")
@pass_target
def approve(target: Target, server: str, principal: str) -> None:
    """Make PRINCIPAL the owner of SERVER."""
    target.registry.approve_claim(server, principal)


@claims.command()
@arguments.server
@click.argument("principal")
@pass_target
def reject(target: Target, server: str, principal: str) -> None:
    """Turn the claim of PRINCIPAL down."""
    target.registry.reject_claim(server, principal)


def _print_challenge(server: str, asked: dict[str, Any]) -> None:
    click.echo(f"{asked['instructions'].partition(',')[0]}:")
    click.echo(f"  where  {asked['where']}")
    click.echo(f"  what   {asked['content']}")
    click.echo(f"It counts until {asked['expiresAt'][:16].replace('T', ' ')} UTC", err=True)
    click.echo(f"Next: mooring claim {server} --verify", err=True)
