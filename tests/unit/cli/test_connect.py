"""`mooring connect` as its own process, driven by the SDK's stock stdio client."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from websockets.asyncio.server import ServerConnection

from mooring.errors import SessionNotFound
from tests.unit.cli.hand_made import KEY, HandMade
from tests.unit.resumable import Refusal, Resumable, running

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


@asynccontextmanager
async def connected(platform: Resumable, home: Path) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Run the command; its pipes must be at their end afterwards."""
    ws_url = platform.url.partition("/demo")[0]
    run = {"url": "http://127.0.0.1:1", "ws_url": ws_url, "api_key": KEY, "pid": 1}
    (home / "run.json").write_text(json.dumps(run))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *CONNECT),
        env={"MOORING_HOME": str(home), "PYTHONPATH": ":".join(sys.path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_sockets_that_break_are_not_noticed_behind_it(tmp_path: Path) -> None:
    arrived = 0

    def break_now_and_then(socket: ServerConnection, message: Any) -> bool:
        nonlocal arrived
        arrived += 1
        if arrived % 3:
            return True
        socket.transport.abort()
        return arrived % 2 > 0

    calls = [f'{{"jsonrpc":"2.0","id":{number}.0,"method":"echo"}}\n'.encode() for number in range(30)]
    async with asyncio.timeout(20), running() as platform, connected(platform, tmp_path) as process:
        assert process.stdin and process.stdout
        platform.on_frame = break_now_and_then
        process.stdin.writelines(calls)
        answers = [json.loads(await process.stdout.readline()) for _ in calls]
        output, errors = await process.communicate(b"")

    assert sorted(answer["id"] for answer in answers) == list(range(30))
    assert (output, errors, process.returncode) == (b"", b"", 0)
    assert set(platform.session.executed.values()) == {1}
    assert len(platform.paths) > 1


async def test_a_session_that_the_server_has_ended_is_told_to_both_sides(tmp_path: Path) -> None:
    async with asyncio.timeout(20), running() as platform, connected(platform, tmp_path) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b'{"jsonrpc":"2.0","id":"x","method":"hold"}\n')
        await platform.held.get()
        platform.refusals.append(Refusal(SessionNotFound("start anew")))
        platform.cut()
        answer = json.loads(await process.stdout.readline())
        told, code = await process.stderr.read(), await process.wait()

    assert (answer["id"], answer["error"]["code"]) == ("x", SessionNotFound.jsonrpc_code)
    assert b"Error: start anew" in told
    assert code == 1


async def test_a_client_that_ends_it_ends_the_session(tmp_path: Path) -> None:
    async with asyncio.timeout(20), running() as platform, connected(platform, tmp_path) as process:
        assert process.stdin
        process.stdin.write(b'{"jsonrpc":"2.0","id":"x","method":"hold"}\n')
        await platform.held.get()
        process.terminate()
        assert await platform.codes.get() == 1000
