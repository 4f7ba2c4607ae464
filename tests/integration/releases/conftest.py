"""Folders that are deployed to the Mooring of all integration tests, as their publisher would."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stack import MOORING, Stack

SERVERS = Path(__file__).parents[2] / "servers"
SECONDS = 60.0
_POLL_SECONDS = 0.05

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write a folder with one of tests/servers; `instead` are texts of it and what to have in their place."""

    def write(
        name: str = "weather", server: str = "echo", instead: dict[str, str] | None = None, **files: str
    ) -> Path:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(SERVERS / "stdio.py", folder)
        text = (SERVERS / f"{server}.py").read_text()
        for old, new in (instead or {}).items():
            assert old in text
            text = text.replace(old, new)
        (folder / "server.py").write_text(text)
        said = {"smithery_yaml": START, "requirements_txt": "", **files}
        for file_name, content in said.items():
            (folder / file_name.replace("_yaml", ".yaml").replace("_txt", ".txt")).write_text(content)
        return folder

    return write


START = """
startCommand:
  type: stdio
  command: python
  args: [server.py]
"""


@dataclass(frozen=True)
class Deployed:
    """What `mooring deploy --json` printed, and how it ended."""

    release: dict[str, Any]
    stderr: str
    succeeded: bool


class Deployments:
    """Deploys with the `mooring` command, as `name` unless another one is given."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = name

    def deploy(self, source: Path | str, *arguments: str) -> Deployed:
        command = [MOORING, "deploy", source, "--name", self.name, "--json", *arguments]
        variables = {**os.environ, **self.stack.variables}
        done = subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=SECONDS * 2, check=False
        )
        assert done.stdout, done.stderr
        return Deployed(json.loads(done.stdout), done.stderr, done.returncode == 0)

    def request(self, source: Path | str) -> str:
        """Ask for a release and do not wait for it; return its id."""
        return str(self.deploy(source, "--no-wait").release["id"])

    def release(self, release_id: str = "latest") -> dict[str, Any]:
        status, found = self.stack.call("GET", f"/servers/{self.name}/releases/{release_id}")
        assert status == 200, found
        answer: dict[str, Any] = found
        return answer

    def until(self, release_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return a release as soon as something is true of it."""
        deadline = time.monotonic() + SECONDS
        while not holds(found := self.release(release_id)):
            assert time.monotonic() < deadline, found
            time.sleep(_POLL_SECONDS)  # there is nothing to wait on but the record
        return found

    def tools(self) -> list[str]:
        status, server = self.stack.call("GET", f"/servers/{self.name}")
        assert status == 200, server
        return [tool["name"] for tool in server["tools"] or []]

    def call(self, tool: str, **arguments: Any) -> str:
        return self.stack.command("call", self.name, tool, json.dumps(arguments))


@pytest.fixture
def deployments(stack: Stack, request: pytest.FixtureRequest) -> Deployments:
    """Deployments of a server that this test has for itself."""
    return Deployments(stack, f"test/{abs(hash(request.node.nodeid)):x}")


async def until_over(deployments: Deployments, release_id: str) -> dict[str, Any]:
    return await asyncio.to_thread(
        deployments.until, release_id, lambda one: one["status"] not in ("QUEUED", "WORKING")
    )
