"""The worker's process: `python -m mooring_worker`, configured by `MOORING_*` variables.

SIGTERM drains: no new sessions, each client is told, each session ends once nothing is in flight in it; what
is left after `drain_seconds` is ended with an error for each request.
A second signal, SIGINT, or the end of standard input where `stop_on_stdin_eof` asks for it, end at once.
"""

import asyncio
import dataclasses
import fcntl
import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import uvloop

from mooring import http1
from mooring.settings import AwsSettings, SettingsError, WorkerSettings
from mooring_worker import logs, microvm, orphans
from mooring_worker.agent import Agent
from mooring_worker.api import HEADROOM_BYTES, Api
from mooring_worker.connections import ApiConnections
from mooring_worker.dynamodb import DynamoDB
from mooring_worker.ecs import Protection, Task
from mooring_worker.heartbeat import Heartbeat
from mooring_worker.identity import Identity
from mooring_worker.peers import Peers
from mooring_worker.rows import Rows
from mooring_worker.watchdog import Watchdog

_logger = logging.getLogger(__name__)


def main() -> None:
    try:
        settings = WorkerSettings.read()
    except SettingsError as error:
        sys.exit(f"mooring-worker: {error}")
    logs.configure(settings.log_level)
    home = Path(settings.home).resolve()
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home):
        _raise_open_files()
        orphans.become_subreaper()
        orphans.clear(home / "sessions")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            of_engine = microvm.run(settings) if settings.engine == "microvm" else None
            runner.run(of_engine or _run(settings, AwsSettings.read()))


async def _run(settings: WorkerSettings, aws: AwsSettings) -> None:
    settings = await _named(settings, aws)
    identity = Identity(aws)
    await identity.open()
    connections = ApiConnections(settings.connections_url, identity, parallel=settings.capacity)
    table = DynamoDB(aws, identity)
    descendants = orphans.Orphans()
    agent = Agent(settings, connections, descendants, Rows(table, settings))
    api = Api(agent, settings.worker_secret, settings.max_line_bytes)
    max_body_bytes = settings.max_line_bytes + HEADROOM_BYTES
    server = await http1.serve(
        api.respond,
        settings.worker_host,
        settings.worker_port,
        max_body_bytes=max_body_bytes,
        admits=Peers(agent.child_uids).admits,
    )
    host, port = server.sockets[0].getsockname()[:2]
    address = settings.worker_address or f"http://{host}:{port}"
    heartbeat = Heartbeat(agent, table, settings, address)
    runs = (
        heartbeat,
        descendants,
        identity,
        Protection(agent, aws, settings.leave_seconds),
        Watchdog(agent, settings),
    )
    tasks = [asyncio.create_task(part.run()) for part in runs]
    _logger.info("worker serves", extra={"worker_id": settings.worker_id, "address": address})

    await _until_stopped(agent, settings)
    await agent.stop("the worker stops; connect again for another session")
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await heartbeat.stop()
    server.close()
    await connections.end()
    await table.end()
    _logger.info("worker stopped", extra={"worker_id": settings.worker_id})


async def _named(settings: WorkerSettings, aws: AwsSettings) -> WorkerSettings:
    """Return the settings with the worker's id and address; in ECS those of the task unless they are set."""
    if aws.task_metadata_url and not (settings.worker_id and settings.worker_address):
        task = await Task.read(aws.task_metadata_url)
        settings = dataclasses.replace(
            settings,
            worker_id=settings.worker_id or task.id,
            worker_version=settings.worker_version or task.version,
            worker_address=settings.worker_address or f"http://{task.host}:{settings.worker_port}",
        )
    if not settings.worker_id:
        sys.exit("mooring-worker: MOORING_WORKER_ID is not set, and this is no task of ECS")
    return settings


async def _until_stopped(agent: Agent, settings: WorkerSettings) -> None:
    """Return when the sessions are to be ended: at once if told so, after draining on SIGTERM."""
    loop = asyncio.get_running_loop()
    stop, drain = asyncio.Event(), asyncio.Event()

    def on_term() -> None:
        (stop if drain.is_set() else drain).set()
        agent.drain("the worker is going away: calls in flight may end; reconnect when convenient")

    loop.add_signal_handler(signal.SIGTERM, on_term)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    if settings.stop_on_stdin_eof:
        await loop.connect_read_pipe(lambda: _Eof(stop), os.fdopen(os.dup(0), "rb", buffering=0))

    async def drained() -> None:
        await drain.wait()
        await agent.emptied(settings.drain_seconds)

    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(drained())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


class _Eof(asyncio.Protocol):
    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()


def _lock(home: Path) -> IO[bytes]:
    """Make `home` this worker's alone: the start clears what another would be using."""
    lock = (home / "worker.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"mooring-worker: another worker uses {home}; give each its own MOORING_HOME")
    return lock


def _raise_open_files() -> None:
    """Each session takes four descriptors; the soft limit is often 1024."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
