"""The stock clients, each a program of its own: what to run, and how one plays a scenario."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.scenarios import Scenario

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PLAY_SECONDS = 60.0

Seen = dict[str, Any]
Target = dict[str, Any]


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str | Path, ...]

    async def play(self, target: Target, scenario: Scenario) -> Seen:
        """Return what the client saw; fail with what it said on stderr."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        order = json.dumps({"target": target, "scenario": scenario}).encode()
        try:
            async with asyncio.timeout(_PLAY_SECONDS):
                output, errors = await process.communicate(order)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{self.name} failed: {errors.decode()}"
        seen: Seen = json.loads(output)
        return seen


JAVASCRIPT = Program("javascript", ("node", _HERE / "node" / "stock_client.mjs"))
PYTHON_1 = Program("mcp 1.30", (_ROOT / ".venv-mcp1" / "bin" / "python", _HERE / "mcp1_client.py"))
PYTHON_2 = Program("mcp 2.3", (sys.executable, _HERE / "mcp2_client.py"))


def over_websocket(url: str) -> Target:
    return {"url": url}


def over_http(url: str, api_key: str) -> Target:
    return {"url": url, "headers": {"Authorization": f"Bearer {api_key}"}}


def over_stdio(command: str | Path, *arguments: str | Path, env: dict[str, str] | None = None) -> Target:
    target: Target = {"command": str(command), "args": [str(argument) for argument in arguments]}
    return target if env is None else {**target, "env": env}


def npm_version(package: str) -> str:
    """Return the version that `node/package.json` pins."""
    pinned: str = json.loads((_HERE / "node" / "package.json").read_text())["dependencies"][package]
    return pinned


def npm_server(package: str) -> Path:
    """Return the script of an npm server that is installed beside the JavaScript client."""
    return _HERE / "node" / "node_modules" / package / "dist" / "index.js"
