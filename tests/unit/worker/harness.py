"""A worker to test: its agent in this process, or the whole of it as a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mooring import http1
from mooring.http1 import Client, Response
from mooring.settings import AwsSettings, WorkerSettings
from mooring_worker.agent import Agent
from mooring_worker.api import Api
from mooring_worker.connections import ApiConnections
from mooring_worker.dynamodb import DynamoDB
from mooring_worker.heartbeat import Heartbeat
from mooring_worker.identity import Identity
from mooring_worker.orphans import Orphans, become_subreaper
from mooring_worker.rows import Rows
from tests.unit.worker.edge import Edge

SERVERS = Path(__file__).parents[2] / "servers"
SECRET = "worker-secret-for-tests"

Start = Callable[..., Any]

_ROOT = Path(__file__).parents[3]


class Worker:
    def __init__(self, url: str, home: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.url = url
        self.home = home
        self.process = process
        self.agent: Agent | None = None
        self.heartbeat: Heartbeat | None = None
        self._client = Client(url)

    async def request(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        sent = {"authorization": f"Bearer {SECRET}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self._client.request(method, target, headers=sent, body=body)

    async def order(self, session_id: str = "s1", script: str = "echo", **fields: Any) -> Response:
        """Ask for a session of one of tests/servers; `fields` go into the order."""
        launch = {"command": sys.executable, "args": ["-u", str(SERVERS / f"{script}.py")]}
        order = {"server": "acme/test", "connection": "c1", "launch": launch, "config": {}, **fields}
        return await self.request("PUT", f"/sessions/{session_id}", json.dumps(order).encode())

    async def post(self, frame: bytes | dict[str, Any], session_id: str = "s1", **headers: str) -> Response:
        body = frame if isinstance(frame, bytes) else json.dumps({"jsonrpc": "2.0", **frame}).encode()
        return await self.request("POST", f"/sessions/{session_id}/frames", body, **headers)

    async def call(self, tool: str, id_: object = 1, **arguments: Any) -> Response:
        params = {"name": tool, "arguments": arguments}
        return await self.post({"id": id_, "method": "tools/call", "params": params})

    async def session(self, session_id: str = "s1") -> dict[str, Any] | None:
        sessions = json.loads((await self.request("GET", "/sessions")).body)["sessions"]
        return next((session for session in sessions if session["id"] == session_id), None)

    async def end(self, session_id: str = "s1") -> Response:
        return await self.request("DELETE", f"/sessions/{session_id}")

    async def attach(self, connection: str, received: int = 0, session_id: str = "s1") -> Response:
        """Do as $connect does for a client that comes back."""
        body = json.dumps({"connection": connection, "received": received}).encode()
        return await self.request("PUT", f"/sessions/{session_id}/connection", body)

    async def detach(self, connection: str, code: int = 1006, session_id: str = "s1") -> Response:
        """Do as $disconnect does."""
        target = f"/sessions/{session_id}/connections/{quote(connection, safe='')}"
        return await self.request("DELETE", target, x_close_code=str(code))

    async def close(self) -> None:
        await self._client.close()


def tagged(home: Path) -> list[int]:
    """Return the pids of all processes that belong to a session of the worker of `home`."""
    tag = f"MOORING_SESSION_DIR={home.resolve()}/sessions/".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if tag in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def exists(pid: int) -> bool:
    """Return whether there is such a process, zombies included."""
    return Path(f"/proc/{pid}").exists()


def runs(pid: int) -> bool:
    """Return whether there is such a process and it is no zombie (of whoever adopted it)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def zombies_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == pid:
            found.append(int(entry.parent.name))
    return found


@asynccontextmanager
async def serving(edge: Edge, home: Path, **settings: Any) -> AsyncIterator[Worker]:
    configured = WorkerSettings(**{**_settings(edge, home), **settings})
    aws = AwsSettings("eu-west-1", "AKTEST", "secret", "", edge.url)
    identity, orphans = Identity(aws), Orphans()
    connections, table = ApiConnections(edge.url, identity, parallel=64), DynamoDB(aws, identity)
    become_subreaper()
    sweeping = asyncio.create_task(orphans.run())
    agent = Agent(configured, connections, orphans, Rows(table, configured))
    api = Api(agent, SECRET, configured.max_line_bytes)
    server = await http1.serve(api.respond, "127.0.0.1", 0, max_body_bytes=configured.max_line_bytes + 65_536)
    worker = Worker(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", home)
    worker.agent = agent
    worker.heartbeat = Heartbeat(agent, table, configured, worker.url)
    try:
        yield worker
    finally:
        async with asyncio.timeout(20):
            await agent.stop("the test is over")
        sweeping.cancel()
        await worker.close()
        server.close()
        await connections.end()
        await table.end()
    assert tagged(home) == []
    assert list((home / "sessions").iterdir()) == []


@asynccontextmanager
async def running(edge: Edge, home: Path, **settings: Any) -> AsyncIterator[Worker]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOORING_"))},
        **{
            f"MOORING_{name.upper()}": str(value)
            for name, value in (_settings(edge, home) | settings).items()
        },
        "PYTHONPATH": f"{_ROOT / 'shared'}:{_ROOT / 'worker'}",
        "AWS_ENDPOINT_URL": edge.url,
        "AWS_ACCESS_KEY_ID": "AKTEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    with (home / "worker.log").open("wb") as log, (home / "worker.out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "mooring_worker"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=log,
        )
    worker_id = settings.get("worker_id", "w1")
    try:
        await edge.until(
            lambda: worker_id in edge.rows or process.poll() is not None, "the row of the worker or its end"
        )
        assert process.poll() is None, (home / "worker.log").read_text()
        worker = Worker(edge.rows[worker_id]["address"]["S"], home, process)
        yield worker
        await worker.close()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            await edge.until(lambda: process.poll() is not None, "the end of the worker")
        finally:
            process.kill()
            process.wait()
            assert process.stdin
            process.stdin.close()
    assert "Traceback" not in (home / "worker.log").read_text()


def _settings(edge: Edge, home: Path) -> dict[str, Any]:
    return {
        "worker_id": "w1",
        "home": str(home),
        "connections_url": edge.url,
        "worker_secret": SECRET,
        "exit_grace_seconds": 0.3,
        "term_grace_seconds": 0.3,
        "gate_seconds": 0,  # most tests have nothing to say of the handshake, and do without
    }
