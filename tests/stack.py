"""A Mooring as a user runs it: `mooring up` in a home of its own, and what is left of it afterwards."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import psutil

from mooring.url import connect_url

MOORING = Path(sys.executable).parent / "mooring"

_READY_SECONDS = 180.0  # the first run installs a server from PyPI
_STOP_SECONDS = 20.0
_ADD_SECONDS = 180.0
_POLL_SECONDS = 0.02


class Stack:
    """The running processes of one Mooring; `home` holds its state."""

    def __init__(self, home: Path, command: Sequence[str | Path] = (MOORING, "up")) -> None:
        self.home = home
        self._command = command
        self._port = _free_port()
        self._variables = {**os.environ, "MOORING_HOME": str(home), "MOORING_PORT": str(self._port)}
        self._log = home.with_suffix(".log")
        self._up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when `mooring up` says that it is ready."""
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(
                self._command,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not psutil.pid_exists((run := self._run_file()).get("pid", -1)):  # a crash leaves a file
            assert self._up.poll() is None, f"`mooring up` ended:\n{self._log.read_text()}"
            assert time.monotonic() < deadline, f"`mooring up` is not ready:\n{self._log.read_text()}"
            time.sleep(_POLL_SECONDS)  # there is nothing to wait on but the file
        self.url: str = run["url"]
        self.ws_url: str = run["ws_url"]
        self.api_key: str = run["api_key"]

    def _run_file(self) -> dict[str, Any]:
        try:
            run: dict[str, Any] = json.loads((self.home / "run.json").read_text())
            return run
        except FileNotFoundError:
            return {}

    def stop(self) -> None:
        """Press Ctrl-C and return when `mooring up` has ended."""
        assert self._up
        os.killpg(self._up.pid, signal.SIGINT)  # as a terminal does
        try:
            self._up.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Ctrl-C did not end it:\n{self._log.read_text()}") from None

    def kill(self) -> None:
        assert self._up
        self._up.kill()  # first: it would start the others again
        self._up.wait()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def command(self, *arguments: str | Path) -> str:
        """Run `mooring` with `arguments` as its operator would; return what it printed."""
        done = subprocess.run(
            [MOORING, *arguments],
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ADD_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"mooring {arguments[0]}: {done.stderr}{done.stdout}"
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        """Environment of a `mooring` command that is to find this Mooring."""
        return {"MOORING_HOME": str(self.home), "PATH": os.environ["PATH"]}

    def put(self, name: str, *command: str | Path, schema: dict[str, Any] | None = None, **rule: Any) -> None:
        """Register a server that is started with `command`, without building a bundle for it."""
        program, *arguments = map(str, command)
        release = {"launch": {"command": program, "args": arguments, **rule}, "configSchema": schema}
        status, answer = self.call("PUT", f"/servers/{name}", {"release": release})
        assert status in (200, 201), answer

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the registry with the operator's key; return the status and the JSON of the answer."""
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, content, headers, method=method)
        try:
            with urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"null")

    def connect_url(self, server: str, config: dict[str, Any] | None = None) -> str:
        return connect_url(self.ws_url, server, config, self.api_key)

    def rows(self, noun: str) -> list[dict[str, Any]]:
        """Return the items of a table, as DynamoDB has them."""
        with self._dynamodb() as client:
            items: list[dict[str, Any]] = client.scan(TableName=f"mooring-{noun}", ConsistentRead=True)[
                "Items"
            ]
            return items

    def put_row(self, noun: str, item: dict[str, Any]) -> None:
        """Write an item into a table, as DynamoDB has it."""
        with self._dynamodb() as client:
            client.put_item(TableName=f"mooring-{noun}", Item=item)

    @contextmanager
    def _dynamodb(self) -> Iterator[Any]:
        variables = self.worker().environ()
        client = boto3.client(
            "dynamodb",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_DEFAULT_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        try:
            yield client
        finally:
            client.close()

    def worker_sessions(self) -> list[dict[str, Any]]:
        """Return what the worker itself says about its sessions."""
        variables = self.worker().environ()
        worker_id = variables["MOORING_WORKER_ID"]
        (row,) = [row for row in self.rows("workers") if row["worker_id"]["S"] == worker_id]
        headers = {"Authorization": f"Bearer {variables['MOORING_WORKER_SECRET']}"}
        with urlopen(Request(f"{row['address']['S']}/sessions", headers=headers), timeout=10) as answer:
            sessions: list[dict[str, Any]] = json.load(answer)["sessions"]
            return sessions

    def children(self) -> list[psutil.Process]:
        """Return every process of every session, also one that has left its group and its parents."""
        sessions = str(self.home / "worker" / "sessions")
        started = {process.pid: process for process in self.worker().children(recursive=True)}
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                if any(value.startswith(sessions) for value in process.environ().values()):
                    started[process.pid] = process
        return list(started.values())

    def client_sockets(self) -> int:
        """Return how many connections the public port has."""
        public = [
            connection
            for connection in self.process("gateway").net_connections("tcp")
            if connection.laddr.port == self._port and connection.status != psutil.CONN_LISTEN
        ]
        return len(public)

    def processes(self) -> list[psutil.Process]:
        """Return every process on this machine that knows `home`: by its environment, arguments or files."""
        return [process for process in psutil.process_iter() if _mentions(process, str(self.home))]

    async def until_no_session_is_left(self, seconds: float = 10.0) -> None:
        """Wait until no process, socket, row or session of any client remains.

        The default covers the ladder: 2 s after stdin is closed, 2 s after SIGTERM, then SIGKILL.
        """

        def remains() -> dict[str, Any]:
            left = {
                "processes": self.children(),
                "sockets": self.client_sockets(),
                "rows": self.rows("sessions"),
                "sessions": self.worker_sessions(),
            }
            return {what: rest for what, rest in left.items() if rest}

        await until_empty(lambda: asyncio.to_thread(remains), seconds)

    def port_is_free(self) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError:
                return False
        return True

    def worker_id(self) -> str:
        return self.worker().environ()["MOORING_WORKER_ID"]

    def worker(self) -> psutil.Process:
        """Return the process of the worker."""
        return self.process("worker")

    def process(self, part: str) -> psutil.Process:
        """Return the process of a part, which must be running: emulator, gateway or worker."""
        return psutil.Process(self.pid(part))

    def pid(self, part: str) -> int:
        """Return the process id of the part that was started last."""
        pid: int = json.loads((self.home / "processes.json").read_text())[f"{part}_pid"]
        return pid


def home_with_a_server(home: Path) -> Path:
    """Make a home whose catalog lists acme/listed, so that no first server is installed at the start."""
    keys = {"server": {"S": "acme/listed"}, "item": {"S": "server"}}
    item = {
        **keys,
        "qualified_name": {"S": "acme/listed"},
        "display_name": {"S": "Listed"},
        "created_at": {"S": "2026-11-20T00:00:00.000Z"},
        "updated_at": {"S": "2026-11-20T00:00:00.000Z"},
        "version": {"N": "1"},
    }
    (home / "state").mkdir(parents=True)
    (home / "state" / "catalog.jsonl").write_text(json.dumps({"keys": keys, "item": item}) + "\n")
    return home


@contextmanager
def running(home: Path) -> Iterator[Stack]:
    """Run a Mooring in `home`; at the end press Ctrl-C and assert that nothing of it is left."""
    stack = Stack(home)
    try:
        stack.start()
        yield stack
        stack.stop()
        assert stack.processes() == []
        assert stack.port_is_free()
    except BaseException:
        stack.kill()
        raise


async def until_empty(look: Callable[[], Awaitable[Any]], seconds: float) -> None:
    """Look again and again until what is found is empty; fail with what was found last."""
    found: Any = None
    try:
        async with asyncio.timeout(seconds):
            while found := await look():
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"still there after {seconds:g} s: {found}") from None


def _mentions(process: psutil.Process, home: str) -> bool:
    if process.pid == os.getpid():
        return False
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        known = [*process.environ().values(), *process.cmdline(), process.cwd()]
        return any(home in text for text in known) or any(home in file.path for file in process.open_files())
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
