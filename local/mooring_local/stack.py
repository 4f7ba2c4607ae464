"""The parts of the local run, started in order and stopped in reverse.

Three processes: this one (the public port with gateway and registry, the handlers in threads), the
emulator that holds the tables, and one worker. A worker or an emulator that dies is started again.
"""

import asyncio
import contextlib
import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from mooring import http1, settings
from mooring.catalog import Catalog
from mooring.errors import Unauthorized
from mooring.keys import KeyTable
from mooring.profiles import ProfileTable
from mooring.registry_api import create_app
from mooring.sealing import sealer
from mooring.sigv4 import Credentials
from mooring.tickets import TicketTable
from mooring.workers import WorkerTable
from mooring_local import handlers, processes, tables
from mooring_local.emulator import REGION, Emulator
from mooring_local.gateway import connections as connections_api
from mooring_local.gateway.disorder import Disorder
from mooring_local.gateway.edge import make_protocol
from mooring_local.gateway.gateway import Gateway
from mooring_local.home import Home, write_private
from mooring_local.journal import Journal
from mooring_local.runtimes import runtime_path
from mooring_local.undertaker import Undertaker

_STAGE = "local"
_WORKER_START_SECONDS = 20.0
_WATCH_SECONDS = 0.2
_MAX_POST_BYTES = 262_144  # over API Gateway's 128 KB, so that its own 413 answers


class StartFailed(RuntimeError):
    """A part did not start; the text says which and where its log is."""


@dataclass(frozen=True)
class Addresses:
    """Where the public finds this Mooring."""

    url: str
    ws_url: str


class Stack:
    def __init__(
        self, home: Home, public: socket.socket, addresses: Addresses, disorder: Disorder | None = None
    ) -> None:
        self.home = home
        self.addresses = addresses
        self._public = public
        self._disorder = disorder
        self._credentials = Credentials(f"MOORING{secrets.token_hex(6).upper()}", secrets.token_urlsafe(30))
        self._worker_secret = secrets.token_urlsafe(32)
        self._closing = contextlib.AsyncExitStack()
        self._worker: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Return when a client can connect.

        Raises:
            StartFailed, EmulatorFailed: a part did not start.
        """
        emulator_port = processes.free_port()
        self.emulator = Emulator(
            emulator_port,
            self.home.logs / "emulator.log",
            self._credentials.access_key,
            self._credentials.secret_key,
        )
        self._closing.callback(lambda: self.emulator.process.kill())
        await asyncio.to_thread(self.emulator.wait_until_ready)
        self._dynamodb = self.emulator.client("dynamodb")
        await asyncio.to_thread(self._restore)
        self._closing.callback(lambda: self._journal.stop())

        internal = await self._serve_gateway()
        self._undertaker = Undertaker(self._ledgers)
        self._closing.push_async_callback(self._undertaker.stop)
        self._start_worker(internal)
        self._closing.callback(self._stop_worker)
        await self._serve_public()
        await self._wait_for_worker()
        self._write_processes()
        self._watcher = asyncio.create_task(self._watch(internal))
        self._closing.callback(self._watcher.cancel)

    async def stop(self) -> None:
        """Close every session and end every process that was started."""
        await self._closing.aclose()
        self.home.processes_file.unlink(missing_ok=True)

    def operator_key(self) -> str:
        """Return the API key of this machine's commands; the first call makes it, safe on disk."""
        known = self.home.operator_key()
        if known:
            try:
                self._keys.verify(known)
            except Unauthorized:
                known = None  # the state folder was removed, or belongs to another home
        if known is None:
            _, known = self._keys.create("operator", "admin")
            self._journal.sync()
            self.home.keep_operator_key(known)
        return known

    @property
    def catalog(self) -> Catalog:
        return self._catalog

    def _restore(self) -> None:
        streamed = tables.create(self._dynamodb)
        names = {noun: tables.name(noun) for noun in streamed}
        streams = self.emulator.client("dynamodbstreams")
        self._journal = Journal(self._dynamodb, streams, self.home.state, names)
        self._journal.restore()
        self._journal.start()

    async def _serve_gateway(self) -> str:
        """Serve @connections on a port of its own; return its URL."""
        port = processes.free_port()
        url = f"http://127.0.0.1:{port}/{_STAGE}"
        settings.publish(self._function_variables(url))
        self.gateway = Gateway(
            handlers.load("ws_connect"),
            handlers.load("ws_default"),
            handlers.load("ws_disconnect"),
            disorder=self._disorder,
            stage=_STAGE,
        )
        respond = connections_api.responder(self.gateway, self._credentials, REGION)
        server = await http1.serve(respond, "127.0.0.1", port, max_body_bytes=_MAX_POST_BYTES)
        self._closing.callback(server.close)
        return url

    def _function_variables(self, connections_url: str) -> dict[str, str]:
        return {
            **self._aws_variables(),
            "MOORING_CONNECTIONS_URL": connections_url,
            "MOORING_WS_URL": self.addresses.ws_url,
            "MOORING_PUBLIC_URL": self.addresses.url,
            "MOORING_WORKER_SECRET": self._worker_secret,
            "MOORING_SECRET_KEY": self.home.secret_key(),
            "MOORING_LEDGERS": str(self._ledgers),
        }

    def _aws_variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
        }

    @property
    def _ledgers(self) -> Path:
        return self.home.worker / "ledgers"

    def _start_worker(self, connections_url: str) -> None:
        self._worker_id = f"local-{secrets.token_hex(4)}"
        environment = {
            **self._aws_variables(),
            **settings.inherited(("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE")),
            "MOORING_WORKER_ID": self._worker_id,
            "MOORING_HOME": str(self.home.worker),
            "MOORING_RUNTIME_PATH": runtime_path(self.home.path / "runtimes"),
            "MOORING_CONNECTIONS_URL": connections_url,
            "MOORING_WORKER_SECRET": self._worker_secret,
            "MOORING_STOP_ON_STDIN_EOF": "1",
        }
        command = [sys.executable, "-m", "mooring_worker"]
        self._worker = processes.spawn(command, environment, self.home.logs / "worker.log")

    def _stop_worker(self) -> None:
        if self._worker:
            assert self._worker.stdin
            self._worker.stdin.close()  # ends it at once: nobody is left to drain it for
            processes.stop(self._worker)

    async def _serve_public(self) -> None:
        values = settings.Settings.read()
        self._keys = KeyTable(self._dynamodb, values.keys_table)
        self._catalog = Catalog(self._dynamodb, values.catalog_table, values.usage_table)
        app = create_app(
            self._catalog,
            self._keys,
            TicketTable(self._dynamodb, values.tickets_table, sealer(values)),
            ProfileTable(self._dynamodb, values.profiles_table, sealer(values)),
            ws_url=values.ws_url,
            public_url=values.public_url,
        )
        server = _Server(
            uvicorn.Config(
                app,
                http=make_protocol(self.gateway),
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
            )
        )
        serving = asyncio.create_task(server.serve([self._public]))

        async def close() -> None:
            await self.gateway.aclose()
            server.should_exit = True
            await serving

        self._closing.push_async_callback(close)

    async def _wait_for_worker(self) -> None:
        try:
            async with asyncio.timeout(_WORKER_START_SECONDS):
                if await self._worker_announced():
                    return
        except TimeoutError:
            pass
        raise StartFailed(f"the worker did not start; its log is {self.home.logs / 'worker.log'}")

    async def _worker_announced(self) -> bool:
        """Return once placement can find the worker that was started last; False when it has died."""
        rows = WorkerTable(self._dynamodb, tables.name("workers"), fresh_seconds=0)
        while self._worker_id not in {row.worker_id for row in await asyncio.to_thread(rows.all)}:
            if self._worker is None or self._worker.poll() is not None:
                return False
            await asyncio.sleep(_WATCH_SECONDS / 10)
        return True

    async def _watch(self, connections_url: str) -> None:
        """Start again what has died: sessions are lost with it, servers and keys are not."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self.emulator.process.poll() is not None:
                await asyncio.to_thread(self._journal.stop)
                self.emulator.start_again()
                await asyncio.to_thread(self.emulator.wait_until_ready)
                await asyncio.to_thread(self._restore)
                self._write_processes()
            if self._worker and self._worker.poll() is not None:
                lost = self._worker_id
                self._start_worker(connections_url)
                self._write_processes()
                self._undertaker.bury(lost, self._worker_announced)

    def _write_processes(self) -> None:
        assert self._worker
        running: dict[str, Any] = {
            "aws_endpoint_url": self.emulator.url,
            "emulator_pid": self.emulator.process.pid,
            "worker_pid": self._worker.pid,
        }
        write_private(self.home.processes_file, json.dumps(running))


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: `up` decides what Ctrl-C does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the public port; raises OSError when it is taken."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
