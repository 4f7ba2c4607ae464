"""Commands on the catalog: list, show, remove, tools, url."""

from typing import Any

import click

from mooring.url import connect_url
from mooring_cli import arguments, output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target


@click.command("list")
@output.as_json
@pass_target
def list_servers(target: Target, as_json: bool) -> None:
    """List the servers."""
    servers = target.registry.all_servers()
    if as_json:
        output.print_json(servers)
    else:
        _print_servers(servers)


@click.command()
@arguments.server
@output.as_json
@pass_target
def show(target: Target, server: str, as_json: bool) -> None:
    """Show one server: how to connect to it, its configuration, its tools."""
    detail = target.registry.server(server)
    if as_json:
        output.print_json(detail)
        return
    click.echo(f"{detail['qualifiedName']}  {detail.get('displayName') or ''}".rstrip())
    for text in filter(None, (detail.get("description"), detail.get("homepage"))):
        click.echo(text)
    connections = detail.get("connections", [])
    for connection in connections:
        click.echo(f"{connection['type']}: {connection.get('url') or connection.get('package')}")
    schemas = [connection["configSchema"] for connection in connections if connection.get("configSchema")]
    if schemas and schemas[0].get("properties"):
        click.echo()
        _print_properties(schemas[0])
    if detail.get("tools"):
        click.echo()
        output.print_tools(detail["tools"])
    if detail.get("surface"):
        click.echo()
        click.echo(f"surface: {detail['surface']}")


@click.command()
@arguments.server
@output.as_json
@pass_target
def tools(target: Target, server: str, as_json: bool) -> None:
    """List the tools of a server, as it listed them when it was added."""
    listed = target.registry.server(server).get("tools")
    if listed is None:
        raise Failure(f"The tools of {server} are not known", "It was never started here: mooring add")
    if as_json:
        output.print_json(listed)
    else:
        output.print_tools(listed)


@click.command()
@arguments.server
@pass_target
def remove(target: Target, server: str) -> None:
    """Remove a server from the catalog."""
    target.registry.delete_server(server)


@click.command()
@arguments.server
@arguments.config
@click.option("--pin", "is_pinned", is_flag=True, help="Refuse to connect once it offers something else.")
@output.as_json
@pass_target
def url(target: Target, server: str, config: dict[str, Any] | None, is_pinned: bool, as_json: bool) -> None:
    """Print the URL a WebSocket client connects to. It holds your API key."""
    pin = target.registry.server(server).get("surface") if is_pinned else None
    if is_pinned and not pin:
        raise Failure(f"What {server} offers is not known, so it cannot be pinned", "Host it: mooring add")
    address = connect_url(target.ws_url, server, config, target.api_key, pin)
    if as_json:
        output.print_json({"url": address})
    else:
        click.echo(address)


def _print_servers(servers: list[dict[str, Any]]) -> None:
    rows = [
        (
            server["qualifiedName"],
            "yes" if server["isDeployed"] else "no",
            server["useCount"],
            output.first_line(server["description"]),
        )
        for server in servers
    ]
    output.print_table(("SERVER", "HOSTED", "CALLS", "DESCRIPTION"), rows)


def _print_properties(schema: dict[str, Any]) -> None:
    required = schema.get("required", [])
    rows = [
        (
            name,
            str(member.get("type", "")),
            "required" if name in required else "",
            output.first_line(member.get("description")),
        )
        for name, member in schema["properties"].items()
        if isinstance(member, dict)
    ]
    output.print_table(("CONFIG", "TYPE", "", "DESCRIPTION"), rows)
