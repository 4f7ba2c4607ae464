"""Commands on API keys."""

import re
from typing import Any

import click

from mooring_cli import output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

# As in mooring.keys, which is slow to import.
ROLES = ("client", "publisher", "admin")
SCOPES = ("read", "connect", "publish", "admin")

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class _Duration(click.ParamType[int]):
    """`90d` and the like, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", str(value))
        if not found:
            self.fail("must be a number and a unit, like 12h, 90d or 4w", param, ctx)
        return int(found[1]) * _UNIT_SECONDS[found[2]]


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="The usual scopes: client if you say nothing.")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="In place of a role.")
@click.option("--principal", help="Whom it speaks for: keys of one principal own the same servers.")
@click.option("--expires", type=_Duration(), help="After how long it ends, like 90d.")
@output.as_json
@pass_target
def create(
    target: Target,
    name: str,
    role: str | None,
    scopes: tuple[str, ...],
    principal: str | None,
    expires: int | None,
    as_json: bool,
) -> None:
    """Make a key and print it. It is shown this once."""
    wanted = {
        "name": name,
        "role": role,
        "scopes": list(scopes) or None,
        "principal": principal,
        "expiresInSeconds": expires,
    }
    made = target.registry.create_key({field: value for field, value in wanted.items() if value is not None})
    if as_json:
        output.print_json(made)
    else:
        click.echo(made["key"])


@keys.command()
@click.argument("table")
@click.option("--name", default="operator", show_default=True)
def first(table: str, name: str) -> None:
    """Make an admin's key in the TABLE of a new stack in AWS, with your AWS credentials."""
    import boto3  # it takes a third of a second, and no other command has use for it
    from botocore.exceptions import BotoCoreError, ClientError

    from mooring.keys import KeyTable

    try:
        _, key = KeyTable(boto3.client("dynamodb"), table).create(name, "admin")
    except (BotoCoreError, ClientError) as error:
        raise Failure(
            f"no key was made: {error}", "Check the table's name, your region and your credentials"
        ) from error
    click.echo(key)


@keys.command("list")
@output.as_json
@pass_target
def list_keys(target: Target, as_json: bool) -> None:
    """List the keys: who they are for, never what they are."""
    found = target.registry.keys()
    if as_json:
        output.print_json(found)
        return
    rows = [
        (key["id"], key["prefix"], _may(key), _minute(key["lastUsedAt"]) or "never", _end(key), key["name"])
        for key in found
    ]
    output.print_table(("ID", "KEY", "MAY", "LAST USED", "ENDS", "NAME"), rows)


@keys.command()
@click.argument("key_id", metavar="ID")
@pass_target
def revoke(target: Target, key_id: str) -> None:
    """Revoke a key; it stops working at once."""
    target.registry.revoke_key(key_id)


def _may(key: dict[str, Any]) -> str:
    return str(key["role"] or ",".join(key["scopes"]))


def _end(key: dict[str, Any]) -> str:
    return "revoked" if key["revokedAt"] else _minute(key["expiresAt"]) or "never"


def _minute(at: str | None) -> str:
    """Return `2026-11-20 12:00` of an ISO 8601 text in UTC."""
    return at[:16].replace("T", " ") if at else ""
