"""`mooring connect` as its own process, driven by the SDK's stock stdio client."""

import asyncio
import subprocess
import sys
from pathlib import Path

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.unit.cli.hand_made import HandMade

CONNECT = ["-m", "mooring_cli", "connect", "acme/weather"]


async def test_a_client_that_only_knows_stdio_uses_a_hosted_server(
    platform: HandMade, tmp_path: Path
) -> None:
    environment = {"MOORING_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    server = StdioServerParameters(command=sys.executable, args=CONNECT, env=environment)

    async with asyncio.timeout(20), Client(server) as client:
        answer = await client.call_tool("look", {"text": "x" * 50_000})

    assert len(str(answer.content[0])) > 50_000


def test_a_mooring_that_is_gone_is_told_on_stderr(tmp_path: Path) -> None:
    environment = {"MOORING_HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}

    done = subprocess.run(
        [sys.executable, *CONNECT], env=environment, capture_output=True, check=False, timeout=20
    )

    assert done.returncode == 1
    assert done.stdout == b""
    assert b"not running" in done.stderr
