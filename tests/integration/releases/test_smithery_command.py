"""The stock command of Smithery deploys here: `smithery mcp publish`, as its user runs it."""

import json
import os
import pty
import select
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from tests.integration.releases.conftest import Deployments
from tests.integration.test_smithery_clients import CLI
from tests.stack import Stack

pytestmark = pytest.mark.integration

SECONDS = 90.0
MANIFEST = {
    "manifest_version": "0.3",
    "name": "weather",
    "version": "1.2.0",
    "description": "Tells the weather",
    "author": {"name": "Ada"},
    "server": {
        "type": "node",
        "entry_point": "server/index.js",
        "mcp_config": {
            "command": "node",
            "args": ["${__dirname}/server/index.js", "--city", "${user_config.city}"],
            "env": {"KEY": "${user_config.key}"},
        },
    },
    "user_config": {
        "city": {"type": "string", "title": "City", "description": "Where", "required": True},
        "key": {"type": "string", "title": "Key", "description": "Its key", "sensitive": True},
    },
}
SERVER = r"""
const lines = require('readline').createInterface({input: process.stdin});
const say = message => process.stdout.write(JSON.stringify({jsonrpc: '2.0', ...message}) + '\n');
lines.on('line', line => {
  const {id, method, params} = JSON.parse(line);
  if (id === undefined) return;
  const answers = {
    'initialize': () => ({protocolVersion: params.protocolVersion, capabilities: {tools: {}},
                          serverInfo: {name: 'weather', version: '1.2.0'}}),
    'tools/list': () => ({tools: [{name: 'forecast', inputSchema: {type: 'object'}}]}),
    'tools/call': () => ({content: [{type: 'text', text: process.argv.slice(2).join(' ')}]}),
  };
  say(answers[method] ? {id, result: answers[method]()} : {id, error: {code: -32601, message: 'no'}});
});
"""


def packed(path: Path, server: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(MANIFEST))
        archive.writestr("server/index.js", server)
    return path


def smithery(stack: Stack, home: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run the command in a terminal, where it waits for the release; return its status and its output."""
    variables = {
        "SMITHERY_BASE_URL": stack.url,
        "SMITHERY_API_KEY": stack.api_key,
        "SMITHERY_CONFIG_PATH": str(home),
        "HOME": str(home),
        "TERM": "dumb",
    }
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["node", CLI, *arguments],
        env={**os.environ, **variables},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said, has_answered, deadline = "", False, time.monotonic() + SECONDS
    try:
        while (text := _read(ours, process)) is not None and time.monotonic() < deadline:
            said += text
            if "Create it?" in said and not has_answered:
                has_answered = True
                os.write(ours, b"\r")
        return process.wait(10), said
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int, process: subprocess.Popen[bytes]) -> str | None:
    """Return what has been printed since; None: nothing more comes."""
    if not select.select([terminal], [], [], 0.1)[0]:
        return None if process.poll() is not None else ""
    try:
        return os.read(terminal, 65_536).decode(errors="replace")
    except OSError:  # its end
        return None


def test_a_bundle_is_published_and_runs(deployments: Deployments, tmp_path: Path) -> None:
    bundle = packed(tmp_path / "weather.mcpb", SERVER)
    status, said = smithery(deployments.stack, tmp_path, "mcp", "publish", bundle, "-n", deployments.name)
    assert status == 0, said
    assert "Release successful!" in said
    assert f"/{deployments.name}/ws" in said
    release = deployments.release()
    assert release["type"] == "stdio"
    assert release["configSchema"]["properties"]["key"]["format"] == "password"
    config = tmp_path / "config.json"
    config.write_text('{"city": "Oslo"}')
    told = deployments.stack.command("call", deployments.name, "forecast", "{}", "--config", config)
    assert told.strip() == "--city Oslo"


def test_a_bundle_that_does_not_start_is_told_as_a_failure(deployments: Deployments, tmp_path: Path) -> None:
    broken = packed(tmp_path / "broken.mcpb", "throw new Error('not today')")
    status, said = smithery(deployments.stack, tmp_path, "mcp", "publish", broken, "-n", deployments.name)
    assert status == 1, said
    assert "Release failed" in said
    assert "not today" in said
    assert deployments.release()["status"] == "FAILURE_SCAN"


def test_the_latest_is_resumed(deployments: Deployments, tmp_path: Path) -> None:
    """A package that there is not ends the first attempt and the second; the log has both."""
    stack = deployments.stack
    status, answer = stack.call("PUT", f"/servers/{deployments.name}", {})
    assert status == 201, answer
    source = {"type": "npm", "spec": "no-such-package-of-anybody-98761"}
    _, wanted = stack.call("PUT", f"/servers/{deployments.name}/releases", {"source": source})
    deployments.until(wanted["id"], lambda one: one["status"] == "FAILURE")
    status, said = smithery(stack, tmp_path, "mcp", "publish", "--resume", "-n", deployments.name)
    assert "Resuming latest release" in said
    assert status == 1, said
    lines = [line["message"] for line in deployments.release(wanted["id"])["logs"]]
    assert lines.count("Building") == 2


def test_an_address_of_this_machine_is_not_taken_for_one_elsewhere(
    deployments: Deployments, tmp_path: Path
) -> None:
    arguments = ("mcp", "publish", "https://127.0.0.1:1/mcp", "-n", deployments.name)
    status, said = smithery(deployments.stack, tmp_path, *arguments)
    assert status == 1, said
    release = deployments.release()
    assert (release["type"], release["status"]) == ("external_shttp", "FAILURE_SCAN")
    assert "not a public address" in release["error"]["message"]
