"""300 clients at once on workers in containers: does every call arrive, and does the memory stay flat?

The platform is that of the local run (tables, gateway, handlers) without its worker; whoever calls starts the
workers. Everything is on the loopback interface. The command is `make test-cloud`, which has an image.
"""

import asyncio
import contextlib
import json
import random
import secrets
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from urllib.request import Request, urlopen

from benchmarks.child import Child
from benchmarks.talkers import Tally, talk
from mooring.keys import KeyTable
from mooring.sigv4 import Credentials
from mooring.url import connect_url
from mooring.workers import Worker, WorkerTable
from mooring_local import gateway_process, tables
from mooring_local.database import Database
from mooring_local.emulator import REGION
from mooring_local.gateway_process import GatewayProcess

_SERVER = "load/echo"
_CALLS_PER_SESSION = 60  # a minute or so
_SAMPLE_SECONDS = 5.0
_START_SECONDS = 30.0
_END_SECONDS = 30.0
_POLL_SECONDS = 0.05
_RESIDENT = "mooring_worker_resident_memory_bytes "


@dataclass(frozen=True)
class Platform:
    """A Mooring that has no worker of its own."""

    ws_url: str
    url: str
    api_key: str
    worker_variables: dict[str, str]
    """What a worker needs in its environment to be one of this Mooring's."""
    rows: WorkerTable

    def publish(self, child: Child) -> str:
        """List `child`, which every worker finds under the same path; return the URL to connect to."""
        launch = {"command": child.argv[0], "args": child.argv[1:]}
        body = json.dumps({"displayName": "Echo", "release": {"launch": launch}}).encode()
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": "application/json"}
        request = Request(f"{self.url}/servers/{_SERVER}", body, headers, method="PUT")
        urlopen(request, timeout=_START_SECONDS).close()
        return connect_url(self.ws_url, _SERVER, api_key=self.api_key)

    def until_announced(self, count: int) -> None:
        """Return when `count` workers take sessions; raises TimeoutError."""
        deadline = monotonic() + _START_SECONDS
        while sum(row.takes_sessions(time.time()) for row in self.rows.all()) < count:
            if monotonic() > deadline:
                raise TimeoutError(f"{count} workers have not announced themselves: {self.rows.all()}")
            time.sleep(_POLL_SECONDS)

    def resident_bytes(self) -> dict[str, int]:
        """Ask each worker's agent what memory it has."""
        return {row.worker_id: self._resident_bytes(row) for row in self.rows.all()}

    def _resident_bytes(self, row: Worker) -> int:
        headers = {"authorization": f"Bearer {self.worker_variables['MOORING_WORKER_SECRET']}"}
        with urlopen(Request(f"{row.address}/_/metrics", headers=headers), timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return next(int(line.removeprefix(_RESIDENT)) for line in lines if line.startswith(_RESIDENT))


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """Run one; what it writes is in `folder`."""
    credentials = Credentials(f"LOAD{secrets.token_hex(6).upper()}", secrets.token_urlsafe(30))
    public, internal = gateway_process.listen("127.0.0.1", 0), gateway_process.listen("127.0.0.1", 0)
    host, port = public.getsockname()
    url, ws_url = f"http://{host}:{port}", f"ws://{host}:{port}"
    with contextlib.ExitStack() as closing:
        database = Database(credentials, folder / "state", folder / "emulator.log")
        closing.callback(database.stop)
        worker = {
            "AWS_ENDPOINT_URL": database.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "MOORING_CONNECTIONS_URL": gateway_process.connections_url(internal),
            "MOORING_WORKER_SECRET": secrets.token_urlsafe(32),
        }
        functions = {
            "AWS_DEFAULT_REGION": REGION,
            "MOORING_WS_URL": ws_url,
            "MOORING_PUBLIC_URL": url,
            "MOORING_SECRET_KEY": "a" * 43 + "=",
            "MOORING_SEARCH_INDEX": str(folder / "index"),
        }
        gateway = GatewayProcess(public, internal, {**functions, **worker})
        closing.callback(gateway.stop)
        database.open()
        gateway.serve()
        if not gateway.answers(_START_SECONDS):
            raise TimeoutError("the gateway did not start")
        _, key = KeyTable(database.client, tables.name("keys")).create("load", "admin")
        rows = WorkerTable(database.client, tables.name("workers"), fresh_seconds=0)
        yield Platform(ws_url, url, key, worker, rows)


@dataclass
class Load:
    """What came of it."""

    clients: int
    seconds: float
    tally: Tally = field(default_factory=Tally)
    samples: list[dict[str, tuple[int, int]]] = field(default_factory=list)
    """Each worker's sessions and resident bytes, every few seconds while all clients were there."""
    left: int = 0
    """Sessions that are still there after the last client has gone."""

    def sessions(self) -> dict[str, float]:
        """Return how many sessions each worker had, in the mean."""
        return {name: statistics.mean(s[name][0] for s in self.samples) for name in self.samples[-1]}

    def growth_bytes(self) -> dict[str, int]:
        """Return by how much each worker's agent grew from the second quarter of the time to the last."""
        quarter = len(self.samples) // 4
        second, last = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        return {
            name: int(
                statistics.median(s[name][1] for s in last) - statistics.median(s[name][1] for s in second)
            )
            for name in self.samples[-1]
        }

    def describe(self) -> str:
        tally = self.tally
        times = statistics.quantiles(tally.latencies_seconds, n=100)
        of_workers = (
            f"{name}: {self.sessions()[name]:.0f} sessions, {self.samples[-1][name][1] / 2**20:.1f} MiB, "
            f"grew {self.growth_bytes()[name] / 2**20:+.1f} MiB"
            for name in self.samples[-1]
        )
        return (
            f"{self.clients} clients, {self.seconds:g} s: {tally.calls} calls in {tally.sessions} sessions, "
            f"{len(tally.failures)} failures, {self.left} sessions left, p50 {times[49] * 1000:.1f} ms, "
            f"p99 {times[98] * 1000:.1f} ms; {'; '.join(of_workers)}"
        )


async def load(platform: Platform, url: str, clients: int, seconds: float) -> Load:
    """Have `clients` talk for `seconds`; raises what a client does not expect of a server."""
    result = Load(clients, seconds)
    ends_at = monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            chance = random.Random(number)
            group.create_task(talk(url, chance, ends_at, result.tally, calls_per_session=_CALLS_PER_SESSION))
        await asyncio.sleep(_SAMPLE_SECONDS * 2)  # until every client has come
        while monotonic() < ends_at - _SAMPLE_SECONDS:
            result.samples.append(await asyncio.to_thread(_sample, platform))
            await asyncio.sleep(_SAMPLE_SECONDS)
    result.left = await asyncio.to_thread(_left, platform)
    return result


def _sample(platform: Platform) -> dict[str, tuple[int, int]]:
    used = {row.worker_id: row.used for row in platform.rows.all()}
    return {name: (used[name], size_bytes) for name, size_bytes in platform.resident_bytes().items()}


def _left(platform: Platform) -> int:
    deadline = monotonic() + _END_SECONDS
    while (left := sum(row.used for row in platform.rows.all())) and monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left
