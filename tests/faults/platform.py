"""The parts of Mooring, put together so that each of them can be hurt."""

import asyncio
import base64
import os
import random
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from mooring import http1, settings
from mooring.catalog_editor import CatalogEditor
from mooring.edits import Entry
from mooring.http1 import Request, Respond, Response
from mooring.keys import OF_ROLE, KeyTable, Principal
from mooring.servers import Release
from mooring.sigv4 import Credentials
from mooring_local import handlers, processes, tables
from mooring_local.emulator import REGION, Emulator
from mooring_local.gateway.connections import responder
from mooring_local.gateway.disorder import Disorder
from mooring_local.gateway.gateway import Gateway
from mooring_local.gateway.websocket import WebSocket

SERVER = "test/counting"
_STAGE = "local"
_COUNTING_SERVER = Path(__file__).with_name("counting_server.py")
_FAULTY_SHARE = 0.06
_SLOW_SECONDS = 11.0  # longer than a worker waits for @connections
_SLOW_SHARE = 0.0005


class Platform:
    """An emulator, a gateway in this process, and workers; all of it in `home`."""

    def __init__(self, home: Path, workers: int, seed: int) -> None:
        self.home = home
        self.chance = random.Random(seed)
        self._seed = seed
        self._worker_count = workers
        self.workers: list[subprocess.Popen[bytes]] = []
        self._homes = [home / f"worker{n}" for n in range(workers)]
        self._credentials = Credentials("FAULTS", secrets.token_hex(16))
        self._worker_secret = secrets.token_hex(16)
        self._public_port, self._internal_port = processes.free_port(), processes.free_port()
        self._closing: list[Any] = []
        self._sockets: dict[_Socket, None] = {}

    async def start(self) -> None:
        self.emulator = Emulator(
            processes.free_port(),
            self.home / "emulator.log",
            self._credentials.access_key,
            self._credentials.secret_key,
        )
        await asyncio.to_thread(self.emulator.wait_until_ready)
        self.dynamodb = self.emulator.client("dynamodb")
        tables.create(self.dynamodb)
        settings.publish(self._variables())
        command = {"command": sys.executable, "args": ["-S", str(_COUNTING_SERVER)]}
        CatalogEditor(self.dynamodb, tables.name("catalog")).put(
            Entry(qualified_name=SERVER, release=Release(launch=command)),
            Principal("faults", OF_ROLE["admin"], ""),
        )
        _, self._key = KeyTable(self.dynamodb, tables.name("keys")).create("faults", "admin")
        self._routes = [handlers.load(f"ws_{name}") for name in ("connect", "default", "disconnect")]
        self._reap = handlers.load("session_reaper")
        await self._serve()
        for n in range(self._worker_count):
            self.start_worker(n)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._public_port}/{_STAGE}?_server={SERVER}&api_key={self._key}"

    def start_worker(self, n: int) -> None:
        home = self._homes[n]
        home.mkdir(exist_ok=True)
        variables = {
            **self._variables(),
            **settings.inherited(("PATH",)),
            "MOORING_WORKER_ID": f"w{n}-{secrets.token_hex(3)}",
            "MOORING_HOME": str(home),
            "MOORING_STOP_ON_STDIN_EOF": "1",
            "MOORING_LEASE_SECONDS": "3",
            "MOORING_HEARTBEAT_SECONDS": "0.5",
        }
        worker = processes.spawn([sys.executable, "-m", "mooring_worker"], variables, home / "worker.log")
        self.workers[n : n + 1] = [worker]

    async def kill_worker(self, n: int) -> None:
        """Kill it, start another in its place, and have what it held told and taken away."""
        worker = self.workers[n]
        worker.kill()
        await asyncio.to_thread(worker.wait)
        assert worker.stdin
        worker.stdin.close()
        self.start_worker(n)

    async def reap(self) -> None:
        await asyncio.to_thread(self._reap, {}, _NoTimeLeft())

    async def restart_gateway(self) -> None:
        """End the gateway as a crash does: every socket is gone, nobody is told."""
        for server in self._closing:
            server.close()
        self._closing.clear()
        for socket in list(self._sockets):
            socket.drop()
        await self._serve()

    def drop_a_socket(self) -> None:
        if self._sockets:
            self.chance.choice(list(self._sockets)).drop()

    def kill_a_child(self) -> None:
        worker = self.chance.choice(self.workers)
        with suppress(OSError):
            listed = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
            if listed:
                os.kill(int(self.chance.choice(listed)), signal.SIGKILL)

    def leftovers(self) -> dict[str, Any]:
        """Return the processes, rows and files of sessions that are still there."""
        children = [
            pid for worker in self.workers for pid in _read(f"/proc/{worker.pid}/task/{worker.pid}/children")
        ]
        rows = self.dynamodb.scan(TableName=tables.name("sessions"), ConsistentRead=True)["Items"]
        files = [str(path) for home in self._homes for path in (home / "sessions").iterdir()]
        left = {"processes": children, "rows": [row["id"]["S"] for row in rows], "files": files}
        return {what: rest for what, rest in left.items() if rest}

    async def stop(self) -> None:
        for server in self._closing:
            server.close()
        await self.gateway.aclose()
        for worker in self.workers:
            await asyncio.to_thread(processes.stop, worker)
        self.emulator.process.kill()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        connect, default, disconnect = self._routes
        self.gateway = Gateway(
            connect,
            self._twice_now_and_then(default),
            disconnect,
            disorder=Disorder(self._seed),
            stage=_STAGE,
        )
        respond = self._faulty(responder(self.gateway, self._credentials, REGION))
        internal = await http1.serve(respond, "127.0.0.1", self._internal_port, max_body_bytes=262_144)
        public = await loop.create_server(self._socket, "127.0.0.1", self._public_port)
        self._closing += [internal, public]

    def _socket(self) -> "_Socket":
        return _Socket(self.gateway, self._sockets)

    def _twice_now_and_then(self, handler: handlers.Handler) -> handlers.Handler:
        """Lambda may be given one event twice."""

        def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
            if self.chance.random() < _FAULTY_SHARE:
                handler(event, context)
            return handler(event, context)

        return handle

    def _faulty(self, respond: Respond) -> Respond:
        """@connections as it is on a bad day: throttled, failing before or after delivery, or silent."""

        async def answer(request: Request) -> Response:
            if request.method != "POST" or self.chance.random() >= _FAULTY_SHARE:
                return await _awaited(respond(request))
            if self.chance.random() < _SLOW_SHARE / _FAULTY_SHARE:
                await _awaited(respond(request))
                await asyncio.sleep(_SLOW_SECONDS)
                return Response(200)
            fault = self.chance.choice(["throttled", "not delivered", "delivered"])
            if fault == "throttled":
                return Response(429)
            if fault == "delivered":
                await _awaited(respond(request))
            return Response(500)

        return answer

    def _variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
            "MOORING_CONNECTIONS_URL": f"http://127.0.0.1:{self._internal_port}/{_STAGE}",
            "MOORING_WORKER_SECRET": self._worker_secret,
            "MOORING_SECRET_KEY": base64.b64encode(bytes(32)).decode(),
            "MOORING_RESUME_SECONDS": "20",
        }


class _Socket(WebSocket):
    """Is in `sockets` from the first moment: what a crashed gateway had accepted, nobody else answers."""

    def __init__(self, gateway: Gateway, sockets: "dict[_Socket, None]") -> None:
        super().__init__(gateway._begin)
        self._sockets = sockets

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sockets[self] = None
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del self._sockets[self]
        super().connection_lost(exc)

    def drop(self) -> None:
        self._transport.abort()


class _NoTimeLeft:
    """A Lambda context: one sweep, and no looking at leases until the next minute."""

    def get_remaining_time_in_millis(self) -> int:
        return 0


async def _awaited(answer: Any) -> Response:
    return answer if isinstance(answer, Response) else await answer


def _read(path: str) -> list[str]:
    try:
        return Path(path).read_text().split()
    except OSError:
        return []
