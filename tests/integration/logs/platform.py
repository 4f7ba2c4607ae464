"""A registry whose app asks real workers, and `mooring logs` to read it with."""

import contextlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mooring.errors import ChildExited
from mooring.workers import WorkerClient, WorkerTable
from mooring_local import tables
from tests.integration.registry import Registry
from tests.stack import MOORING

ECHO = Path(__file__).parents[2] / "servers" / "echo.py"
SECRET = "worker-secret-for-tests"
WAIT_SECONDS = 20.0


class Worker:
    """A worker's process that announces itself in the emulator's tables."""

    def __init__(self, platform: Registry, home: Path, connections_url: str) -> None:
        self.worker_id = f"w-{secrets.token_hex(3)}"
        self._rows = WorkerTable(platform.dynamodb, tables.name("workers"), fresh_seconds=0)
        self._client = WorkerClient(SECRET)
        environment = {
            **os.environ,
            **platform.emulator.variables,
            "MOORING_WORKER_ID": self.worker_id,
            "MOORING_HOME": str(home / self.worker_id),
            "MOORING_CONNECTIONS_URL": connections_url,
            "MOORING_WORKER_SECRET": SECRET,
            "MOORING_GATE_SECONDS": "0",
            "MOORING_LOG_LEVEL": "DEBUG",
        }
        self._log = home / f"{self.worker_id}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mooring_worker"], env=environment, stderr=log
            )
        self.address = self._announced()

    def _announced(self) -> str:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for row in self._rows.all():
                if row.worker_id == self.worker_id:
                    return row.address
            assert self.process.poll() is None, self.log()
        raise AssertionError("the worker has not announced itself")

    def log(self) -> str:
        """Return what the worker itself has logged."""
        return self._log.read_text()

    def start(self, server: str = "acme/echo", command: str = sys.executable) -> str:
        """Start a session; return its id."""
        session_id = secrets.token_hex(16)
        launch = {"command": command, "args": ["-u", str(ECHO)]}
        order = {"server": server, "connection": "c", "launch": launch, "config": {}}
        assert self._client.start(self.address, session_id, order)
        return session_id

    def call(self, session_id: str, tool: str, **arguments: Any) -> None:
        params = {"name": tool, "arguments": arguments}
        frame = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        with contextlib.suppress(ChildExited):
            self._client.send(self.address, session_id, frame, secrets.token_hex(4), "c")

    def crash(self, session_id: str, *, saying: str) -> None:
        self.call(session_id, "print", text=saying)
        self.call(session_id, "crash", code=7)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._rows.forget(self.worker_id)


class Platform:
    """The registry's app over HTTP, which may be stopped and started again at one address."""

    def __init__(self, app: FastAPI, admin_key: str) -> None:
        self.app = app
        self.admin_key = admin_key
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        bound = socket.create_server(("127.0.0.1", self._port))
        self._port = bound.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            thread.join()
            bound.close()

    def client(self, key: str | None = None) -> TestClient:
        headers = {"Authorization": f"Bearer {key or self.admin_key}"}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    @contextlib.contextmanager
    def command(self, *arguments: str, key: str | None = None) -> Iterator[subprocess.Popen[str]]:
        """Run `mooring logs`; kill it at the end if it has not ended."""
        environment = {**os.environ, "MOORING_URL": self.url, "MOORING_API_KEY": key or self.admin_key}
        with subprocess.Popen(
            [MOORING, "logs", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=0,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def shown(self, *arguments: str, key: str | None = None) -> tuple[int, str, str]:
        """Return the exit code, the output and the errors of `mooring logs`."""
        with self.command(*arguments, key=key) as process:
            stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
            return process.returncode, stdout, stderr


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], WAIT_SECONDS)
    assert ready, "no line came"
    return process.stdout.readline()
