"""`mooring profile`: configurations that are stored, to be named in a connect URL, and never shown again."""

import sys
from typing import Any

import click

from mooring import configuration, dot_parameters
from mooring_cli import arguments, output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target


@click.group()
def profile() -> None:
    """Store configurations, sealed, for connect URLs with profile=<name>. They are never shown again."""


@profile.command("set")
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE | KEY]...")
@click.option("--config", type=arguments.JSON_OBJECT, help="The configuration, as JSON: {...}.")
@click.option(
    "--from-stdin", is_flag=True, help="Read the JSON, or the value of the one KEY, from standard input."
)
@click.option(
    "--server", type=arguments.SERVER_NAME, help="Check it against the configSchema of this server."
)
@pass_target
def set_profile(
    target: Target,
    name: str,
    values: tuple[str, ...],
    config: dict[str, Any] | None,
    from_stdin: bool,
    server: str | None,
) -> None:
    """Store a configuration under NAME, in place of what is there.

    KEY may be a path, server.port. A VALUE is JSON where it can be read as JSON, and text otherwise. A KEY
    without one is asked for, and what is typed is not shown: command lines stay in the shell's history. That
    is text, as what --from-stdin reads for a KEY is. The schema of --server settles what is which.
    """
    given, bare = _parted(values)
    secrets: dict[str, str] = {}
    whole = dict(config or {})
    if from_stdin:
        if len(bare) > 1 or (not bare and config is not None):
            raise click.UsageError("--from-stdin gives the value of one KEY, or all of the configuration")
        text = sys.stdin.read()
        if bare:
            secrets[bare.pop()] = text.rstrip("\r\n")
        else:
            whole = arguments.JSON_OBJECT.convert(text, None, None)
    for key in bare:
        secrets[key] = _asked(key)
    if not given and not secrets and not whole and config is None and not from_stdin:
        raise click.UsageError("nothing to store: give KEY=VALUE, --config or --from-stdin")
    schema = _schema(target, server) if server else {}
    whole = dot_parameters.overlay(whole, given, schema)
    for key, text in secrets.items():
        whole = dot_parameters.overlay(whole, {key: text}, schema or _text_at(key))
    if server:
        configuration.check(whole, schema)
    target.registry.put_profile(name, whole)


@profile.command("list")
@output.as_json
@pass_target
def list_profiles(target: Target, as_json: bool) -> None:
    """List the names of your profiles."""
    names = target.registry.profiles()
    if as_json:
        output.print_json(names)
    else:
        for name in names:
            click.echo(name)


@profile.command()
@click.argument("name")
@pass_target
def remove(target: Target, name: str) -> None:
    """Forget a profile."""
    target.registry.delete_profile(name)


def _parted(values: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Return the values that were given, by key, and the keys without one."""
    given: dict[str, str] = {}
    bare: list[str] = []
    for text in values:
        key, separator, value = text.partition("=")
        if not key or key in given or key in bare:
            raise click.UsageError(f"{key or text!r} is no KEY, or there twice")
        if separator:
            given[key] = value
        else:
            bare.append(key)
    return given, bare


def _asked(key: str) -> str:
    if not sys.stdin.isatty():
        raise Failure(f"{key} has no value, and nobody is there to be asked", "Give it with --from-stdin")
    return str(click.prompt(key, hide_input=True, err=True))


def _text_at(path: str) -> dict[str, Any]:
    """Return a schema that wants text at a path: a token of digits is no number."""
    schema: dict[str, Any] = {"type": "string"}
    for segment in reversed(path.split(".")):
        schema = {"properties": {segment: schema}}
    return schema


def _schema(target: Target, server: str) -> dict[str, Any]:
    ways = target.registry.server(server).get("connections", [])
    schema: dict[str, Any] = next((way["configSchema"] for way in ways if way.get("configSchema")), {})
    return schema
