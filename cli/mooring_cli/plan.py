"""`mooring plan` and `mooring init`: what would be built and run, and the file that says so."""

from pathlib import Path
from typing import Any

import click

from mooring_cli import arguments, output
from mooring_cli.failures import Failure


@click.command()
@click.argument("source")
@click.option("--config", type=arguments.JSON_OBJECT, help="The configuration to plan with, as JSON: {...}.")
@click.option("--ref", default="", help="Of a repository: the branch, tag or commit.")
@click.option("--folder", default="", help="Of a repository or folder: the folder the server is in.")
@output.as_json
def plan(source: str, config: dict[str, Any] | None, ref: str, folder: str, as_json: bool) -> None:
    """Say what would be built and run of a source, and build nothing.

    SOURCE is a folder, a smithery.yaml, a server.json, a .mcpb bundle, the https address of a git repository,
    npm:<package> or pypi:<package>. Without --config the example and the defaults of its schema are used.
    """
    from mooring_local import sources  # with what it needs, too slow for the other commands
    from mooring_local.plans import NoPlan

    try:
        found = sources.plan(source, config, ref=ref, folder=folder)
    except NoPlan as error:
        raise Failure(error.cause, error.next_step) from error
    if as_json:
        output.print_json(found.as_json())
        return
    rows: list[tuple[str, str]] = [("kind", found.kind)]
    if found.launch:
        rows.append(("runs", " ".join([found.launch["command"], *found.launch["args"]])))
        rows += [("with", f"{name}={text}") for name, text in found.launch["env"].items()]
    properties = (found.config_schema or {}).get("properties")
    if isinstance(properties, dict) and properties:
        rows.append(("asks for", ", ".join(map(str, properties))))
    if found.reason:
        rows.append(("because" if found.launch else "but", found.reason))
    output.print_table(("PLAN", ""), rows)


@click.command()
@click.option("--force", is_flag=True, help="Write over the smithery.yaml that is there.")
def init(force: bool) -> None:
    """Write a smithery.yaml for the folder this is run in, by what is found there."""
    from mooring_local import smithery_file
    from mooring_local.plans import NoPlan

    target = Path("smithery.yaml")
    if target.exists() and not force:
        raise Failure(
            "there is a smithery.yaml already", "See what it says: mooring plan . (or give --force)"
        )
    try:
        text, reason = smithery_file.written(Path.cwd())
    except NoPlan as error:
        raise Failure(error.cause, error.next_step) from error
    if target.is_symlink():
        target.unlink()
    target.write_text(text, encoding="utf-8")
    click.echo(f"Wrote smithery.yaml: {reason}")
