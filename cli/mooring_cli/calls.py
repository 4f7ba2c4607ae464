"""Commands that open a session: call a tool, or connect standard input and output."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from mooring.url import connect_url
from mooring_cli import arguments, output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

if TYPE_CHECKING:
    from mcp_types import CallToolResult


@click.command()
@arguments.server
@click.argument("tool")
@click.argument("json", type=arguments.JSON_OBJECT, default="{}")
@arguments.config
@output.as_json
@pass_target
def call(
    target: Target, server: str, tool: str, json: dict[str, Any], config: dict[str, Any] | None, as_json: bool
) -> None:
    """Call a tool with JSON arguments and print what it answers."""
    result = asyncio.run(_call(target, connect_url(target.ws_url, server, config), tool, json))
    if as_json:
        output.print_json(result.model_dump(mode="json", by_alias=True, exclude_none=True))
        if result.is_error:
            raise SystemExit(1)
        return
    texts = [_as_text(block.model_dump(mode="json", by_alias=True)) for block in result.content]
    if result.is_error:
        raise Failure(f"{tool} failed", f"See what it takes: mooring tools {server} --json", texts)
    for text in texts:
        click.echo(text)


async def _call(target: Target, url: str, tool: str, tool_arguments: dict[str, Any]) -> "CallToolResult":
    from mooring_cli.session import session  # mcp takes half a second to import

    async with session(url, target.credentials) as client:
        return await client.call_tool(tool, tool_arguments)


def _as_text(block: dict[str, Any]) -> str:
    """Return what a person can read of one block of content."""
    if block["type"] == "text":
        text: str = block["text"]
        return text
    described = block.get("mimeType") or block.get("uri") or block.get("resource", {}).get("uri") or ""
    return f"[{block['type']} {described}]; --json shows it"


@click.command()
@arguments.server
@arguments.config
@pass_target
def connect(target: Target, server: str, config: dict[str, Any] | None) -> None:
    """Use a hosted server from a program that can only start stdio servers.

    Messages go from standard input to the server and from the server to standard output. A connection that is
    lost is replaced without a message lost.
    """
    asyncio.run(_connect(target, connect_url(target.ws_url, server, config)))


async def _connect(target: Target, url: str) -> None:
    from mooring.client import lines  # websockets is not needed by the other commands
    from mooring.client.session import Session

    session = Session(url, headers=target.credentials)
    await session.open()
    await lines.relay(session, sys.stdin.fileno(), sys.stdout.buffer)
