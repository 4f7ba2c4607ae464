"""The worker alone: the benchmark is its caller and, for its answers, the @connections API."""

import contextlib
import itertools
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from urllib.parse import unquote

from benchmarks.child import Child
from benchmarks.processes import Processes, free_port, running, wait_for_listener
from benchmarks.session import CallFailed, Session
from benchmarks.target import Running, Target
from mooring import __version__, http1

NAME = "Mooring, worker alone"
_CAPACITY = 200
_START_SECONDS = 20.0
_MAX_BODY_BYTES = 262_144
_CONNECTIONS = "/bench/@connections/"


class WorkerSession(Session):
    """`listeners` is where the sink finds the session of a connection."""

    def __init__(
        self, client: http1.Client, secret: str, child: Child, listeners: dict[str, Session]
    ) -> None:
        super().__init__()
        self._client = client
        self._headers = {"authorization": f"Bearer {secret}"}
        self._child = child
        self._listeners = listeners
        self._connection = f"{secrets.token_urlsafe(10)}="  # as API Gateway's look
        self._target = f"/sessions/{secrets.token_hex(16)}"
        self._message_numbers = itertools.count(1)

    async def connect(self) -> None:
        self._listeners[self._connection] = self
        order = {
            "server": "bench/echo",
            "release": "bench",
            "bundle": None,
            "launch": {"command": self._child.argv[0], "args": self._child.argv[1:]},
            "config": {},
            "connection": self._connection,
            "is_owner": True,
            "limits": {"idle_seconds": 300.0},
        }
        await self._request("PUT", self._target, json.dumps(order).encode(), 201)

    async def send(self, frame: bytes) -> None:
        message_id = str(next(self._message_numbers))
        await self._request("POST", f"{self._target}/frames", frame, 202, {"x-message-id": message_id})

    async def close(self) -> None:
        await self._request("DELETE", self._target, b"", 204)
        self._listeners.pop(self._connection, None)

    async def _request(
        self, method: str, target: str, body: bytes, expected: int, extra: dict[str, str] | None = None
    ) -> None:
        headers = {**self._headers, **(extra or {})}
        response = await self._client.request(method, target, headers=headers, body=body)
        if response.status != expected:
            raise CallFailed(f"the worker answered {response.status}: {response.body.decode()[:160]}")


@contextlib.asynccontextmanager
async def _start(child: Child) -> AsyncIterator[Running]:
    listeners: dict[str, Session] = {}

    def respond(request: http1.Request) -> http1.Response:
        if not request.target.startswith(_CONNECTIONS):
            return http1.Response(200, b"{}")  # DynamoDB's part: heartbeats, and counts of uses
        listener = listeners.get(unquote(request.target[len(_CONNECTIONS) :]))
        if listener is None:
            return http1.Response(410)
        if request.method == "POST":
            listener.received(request.body)
        return http1.Response(200)

    sink_port, port, secret = free_port(), free_port(), secrets.token_urlsafe(32)
    sink_url = f"http://127.0.0.1:{sink_port}"
    sink = await http1.serve(respond, "127.0.0.1", sink_port, max_body_bytes=_MAX_BODY_BYTES)
    client = http1.Client(f"http://127.0.0.1:{port}", connections=256)
    with tempfile.TemporaryDirectory(prefix="mooring-bench-") as home:
        environment = {
            "MOORING_WORKER_ID": "bench",
            "MOORING_HOME": home,
            "MOORING_WORKER_PORT": str(port),
            "MOORING_WORKER_SECRET": secret,
            "MOORING_CAPACITY": str(_CAPACITY),
            "MOORING_CONNECTIONS_URL": f"{sink_url}/bench",
            "MOORING_LOG_LEVEL": "WARNING",
            "AWS_ENDPOINT_URL": sink_url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        async with running(NAME, [sys.executable, "-m", "mooring_worker"], environment) as pid:
            await wait_for_listener(NAME, pid, port, _START_SECONDS)
            processes = Processes(pid, child, {"worker": "mooring_worker"})
            yield Running(processes, lambda: WorkerSession(client, secret, child, listeners))
    await client.close()
    sink.close()


WORKER = Target(NAME, "HTTP in, HTTP out", has_own_children=True, start=_start, version=__version__)
