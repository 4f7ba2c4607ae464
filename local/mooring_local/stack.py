"""The parts of the local run, started in order and stopped in reverse.

Six processes: this one, which keeps the others going, reaps, and writes the journal; the emulator that holds
the tables; the gateway, with the public port, the registry and the handlers; one worker; the indexer; the
builder. A part that dies is started again.
"""

import asyncio
import contextlib
import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from mooring import settings
from mooring.catalog import Catalog
from mooring.errors import Unauthorized
from mooring.keys import KeyTable
from mooring.observability import logger
from mooring.sigv4 import Credentials
from mooring_local import gateway_process, tables
from mooring_local.background_process import BackgroundProcess
from mooring_local.database import Database
from mooring_local.emulator import REGION
from mooring_local.gateway_process import GatewayProcess
from mooring_local.home import Home, write_private
from mooring_local.undertaker import Undertaker
from mooring_local.worker_process import WorkerProcess

_START_SECONDS = 20.0
_WATCH_SECONDS = 0.1
_REFRESH_SECONDS = "0.1"  # a look at a file costs nothing; who adds a server lists it next


class StartFailed(RuntimeError):
    """A part did not start; the text says which and where to look."""


@dataclass(frozen=True)
class Addresses:
    """Where the public finds this Mooring."""

    url: str
    ws_url: str


class Stack:
    """`public` is the listening socket of the public port."""

    def __init__(self, home: Home, public: socket.socket, addresses: Addresses) -> None:
        self.home = home
        self.addresses = addresses
        self._public = public
        self._credentials = Credentials(f"MOORING{secrets.token_hex(16).upper()}", secrets.token_urlsafe(30))
        self._worker_secret = secrets.token_urlsafe(32)
        self._closing = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Return when a client can connect.

        Raises:
            StartFailed, EmulatorFailed: a part did not start.
        """
        self._database = Database(self._credentials, self.home.state, self.home.logs / "emulator.log")
        self._closing.callback(self._database.stop)
        internal = gateway_process.listen("127.0.0.1", 0)
        shared = self._shared_variables(internal)
        functions = self._function_variables(shared)
        gateway = self._gateway = GatewayProcess(self._public, internal, functions)
        settings.publish(functions)  # for the reaper
        worker = self._worker = WorkerProcess(self.home, shared)
        self._indexer = BackgroundProcess("mooring_local.indexer", functions, self.home.logs / "indexer.log")
        self._builder = BackgroundProcess(
            "mooring_local.builder", functions, self.home.logs / "builder.log", str(self.home.path)
        )
        self._undertaker = Undertaker(self._ledgers, self._worker_announced)
        self._closing.callback(self._indexer.stop)
        self._closing.callback(self._builder.stop)
        self._closing.callback(self._worker.stop)
        self._closing.push_async_callback(self._undertaker.stop)
        self._closing.callback(self._gateway.stop)

        await asyncio.to_thread(self._database.open)
        gateway.serve()
        worker.start()
        self._undertaker.start()
        if not await asyncio.to_thread(gateway.answers, _START_SECONDS):
            raise StartFailed("the gateway did not start; what it printed is above")
        await self._wait_for_worker()
        self._builder.start()
        self._indexer.start()  # searches are answered from names until it has made an index
        self._write_processes()
        watcher = asyncio.create_task(self._watch())
        self._closing.callback(watcher.cancel)

    async def stop(self) -> None:
        """Close every session and end every process that was started."""
        await self._closing.aclose()
        self.home.processes_file.unlink(missing_ok=True)

    def operator_key(self) -> str:
        """Return the API key of this machine's commands; the first call makes it, safe on disk."""
        keys = KeyTable(self._database.client, tables.name("keys"))
        known = self.home.operator_key()
        if known:
            try:
                keys.verify(known)
            except Unauthorized:
                known = None  # the state folder was removed, or belongs to another home
        if known is None:
            _, known = keys.create("operator", "admin")
            self._database.sync()
            self.home.keep_operator_key(known)
        return known

    @property
    def catalog(self) -> Catalog:
        return Catalog(self._database.client, tables.name("catalog"), tables.name("usage"))

    @property
    def _ledgers(self) -> Path:
        return self.home.worker / "ledgers"

    def _shared_variables(self, internal: socket.socket) -> dict[str, str]:
        """Return what the gateway and the worker need of each other."""
        return {
            "AWS_ENDPOINT_URL": self._database.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self._credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self._credentials.secret_key,
            "MOORING_CONNECTIONS_URL": gateway_process.connections_url(internal),
            "MOORING_WORKER_SECRET": self._worker_secret,
        }

    def _function_variables(self, shared: dict[str, str]) -> dict[str, str]:
        return {
            **shared,
            "MOORING_WS_URL": self.addresses.ws_url,
            "MOORING_PUBLIC_URL": self.addresses.url,
            "MOORING_SECRET_KEY": self.home.secret_key(),
            "MOORING_LEDGERS": str(self._ledgers),
            "MOORING_UPLOADS": str(self.home.uploads),
            "MOORING_SEARCH_INDEX": str(self.home.index),
            "MOORING_SEARCH_REFRESH_SECONDS": _REFRESH_SECONDS,
        }

    async def _worker_announced(self) -> bool:
        return await self._worker.announced(self._database.client)

    async def _wait_for_worker(self) -> None:
        try:
            async with asyncio.timeout(_START_SECONDS):
                if await self._worker_announced():
                    return
        except TimeoutError:
            pass
        raise StartFailed(f"the worker did not start; its log is {self._worker.log}")

    async def _watch(self) -> None:
        """Start again what has died: sessions are lost with it, servers and keys are not."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            has_lost_tables = self._database.has_died
            if has_lost_tables:
                self._gateway.kill()  # without the rows of its connections nobody could end their sessions
                self._indexer.kill()  # or it would take tables that are being filled for all there is
                self._database.start_again()
            has_lost_gateway = self._gateway.has_died
            if has_lost_gateway:
                self._gateway.start_again()  # it loads while the rest is done
            if has_lost_tables:
                await asyncio.to_thread(self._database.reopen)
                self._note("emulator")
            if self._worker.has_died:
                lost = self._worker.id
                self._worker.start()
                self._undertaker.bury_worker(lost)
                self._note("worker")
            if has_lost_gateway:
                await self._undertaker.bury_gateway()
                self._gateway.serve()
                self._note("gateway")

            if self._indexer.is_to_start:
                self._indexer.start()
                self._note("indexer")
            if self._builder.is_to_start:
                self._builder.start()
                self._note("builder")

    def _note(self, part: str) -> None:
        logger.warning("started again", part=part)
        self._write_processes()

    def _write_processes(self) -> None:
        running = {
            "aws_endpoint_url": self._database.url,
            "builder_pid": self._builder.pid,
            "emulator_pid": self._database.pid,
            "gateway_pid": self._gateway.pid,
            "indexer_pid": self._indexer.pid,
            "worker_pid": self._worker.pid,
        }
        write_private(self.home.processes_file, json.dumps(running))
