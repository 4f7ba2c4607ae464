"""A worker in a MicroVM: it belongs to nobody until the hook /run says which session it is for.

Lambda snapshots the process that has answered /ready and starts every MicroVM from that snapshot, so that
whatever is to be secret or unique is made by /run, which is taken once. Hooks carry no credential: they come
from this machine, where a session's child lives too, and `Peers` keeps that from calling.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-microvms.html
"""

import asyncio
import base64
import dataclasses
import json
import logging
import signal
import subprocess
from collections.abc import Awaitable
from pathlib import Path

from mooring import callbacks, http1
from mooring.http1 import Request, Response
from mooring.settings import WorkerSettings
from mooring_worker.agent import Agent
from mooring_worker.api import HEADROOM_BYTES, Api
from mooring_worker.callback import Callback, CallbackConnections, CallbackTable
from mooring_worker.heartbeat import Heartbeat
from mooring_worker.orphans import Orphans
from mooring_worker.peers import Peers
from mooring_worker.rows import Rows
from mooring_worker.watchdog import Watchdog

_HOOKS = "/aws/lambda-microvms/runtime/v1/"
_FLUSH_SECONDS = 5.0  # of the 10 that the hook /suspend has
_POLL_SECONDS = 0.02
_FAREWELL = "the server's MicroVM ends; connect again for another session"

_logger = logging.getLogger(__name__)


class Tenant:
    """What /run makes: the worker of one session, and its way to the platform."""

    def __init__(
        self, settings: WorkerSettings, orphans: Orphans, callback: Callback, session_id: str, bearer: str
    ) -> None:
        self.session_id = session_id
        self.callback = callback
        table = CallbackTable(callback)
        self.connections = CallbackConnections(callback)
        self.agent = Agent(settings, self.connections, orphans, Rows(table, settings))
        self.api = Api(self.agent, bearer, settings.max_line_bytes)
        self.peers = Peers(self.agent.child_uids)
        self._heartbeat = Heartbeat(self.agent, table, settings, "")
        self._pause_seconds = settings.heartbeat_seconds
        self._runs = [
            asyncio.create_task(run())
            for run in (self._heartbeat.run, Watchdog(self.agent, settings).run, self._say_when_over)
        ]

    async def flush(self) -> None:
        """Return when clients have been sent all that there is for them, or no more time is left."""
        give_up_at = asyncio.get_running_loop().time() + _FLUSH_SECONDS
        while any(session.describe()["queuedBytes"] for session in self.agent):
            if asyncio.get_running_loop().time() > give_up_at:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def end(self) -> None:
        """Tell the client, end the session and report what is left to report."""
        await self.agent.stop(_FAREWELL)
        for run in self._runs:
            run.cancel()
        await asyncio.wait(self._runs)
        await self._heartbeat.stop()
        await self.connections.end()
        await self.callback.end()

    async def _say_when_over(self) -> None:
        """Have this MicroVM terminated once its only session is over; until then it is paid for."""
        while not self.agent.counts.starts or len(self.agent):
            await asyncio.sleep(self._pause_seconds)
            if self.agent.counts.starts:
                self.agent.drain()  # it takes no second session
        await self._heartbeat.beat()
        while True:
            try:
                if await self.callback.call("over") < 300:
                    return
            except OSError as error:
                _logger.warning("end of the session not reported", extra={"detail": repr(error)})
            await asyncio.sleep(self._pause_seconds)


class Microvm:
    """Answers hooks at any time, and everything else from /run on."""

    def __init__(self, settings: WorkerSettings, orphans: Orphans) -> None:
        self._settings = settings
        self._orphans = orphans
        self._tenant: Tenant | None = None
        self._ending: asyncio.Task[None] | None = None

    def admits(self, peer: tuple[str, int], own: tuple[str, int]) -> bool:
        """Return whether a connection is to be served: there is no child before /run."""
        return self._tenant is None or self._tenant.peers.admits(peer, own)

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        if request.method == "POST" and request.target.startswith(_HOOKS):
            return self._hook(request.target.removeprefix(_HOOKS), request.body)
        if self._tenant:
            return self._tenant.api.respond(request)
        return Response(200 if request.target == "/_/health" else 503)

    async def end(self) -> None:
        """End the session, once; later callers wait for the same end."""
        if self._tenant:
            self._ending = self._ending or asyncio.create_task(self._tenant.end())
            await asyncio.wait([self._ending])

    async def _hook(self, name: str, body: bytes) -> Response:
        try:
            match name:
                case "ready":
                    pass
                case "validate":
                    await _touch_runtimes(self._settings)
                case "run":
                    return self._run(body)
                case "suspend":
                    await self._suspend()
                case "resume":
                    await self._reconnect()
                case "terminate":
                    await self.end()
                case _:
                    return Response(404)
        except Exception:  # the boundary: a hook that is not answered holds the MicroVM up
            _logger.exception("hook failed", extra={"hook": name})
            return Response(500)
        return Response(200)

    def _run(self, body: bytes) -> Response:
        if self._tenant:
            _logger.warning("hook refused", extra={"hook": "run"})
            return Response(409)
        try:
            given = json.loads(body)
            microvm_id, payload = str(given["microvmId"]), json.loads(given["runHookPayload"])
            session_id, key = str(payload["session"]), base64.b64decode(payload["key"], validate=True)
            url = str(payload["callback"])
            if len(key) < 32 or not url.startswith(("http://", "https://")):
                raise ValueError("no key of 32 bytes, or no address")
        except (ValueError, KeyError, TypeError) as error:
            _logger.warning("hook refused", extra={"hook": "run", "detail": type(error).__name__})
            return Response(400)
        settings = dataclasses.replace(self._settings, worker_id=microvm_id, capacity=1)
        callback = Callback(url, session_id, microvm_id, key)
        self._tenant = Tenant(settings, self._orphans, callback, session_id, callbacks.bearer(key))
        _logger.info("microvm runs", extra={"worker_id": microvm_id, "session_id": session_id})
        return Response(200)

    async def _suspend(self) -> None:
        if self._tenant:
            await self._tenant.flush()
        await self._reconnect()

    async def _reconnect(self) -> None:
        if self._tenant:
            await self._tenant.callback.reconnect()


async def run(settings: WorkerSettings) -> None:
    """Serve until told to stop."""
    loop, stop, orphans = asyncio.get_running_loop(), asyncio.Event(), Orphans()
    microvm = Microvm(settings, orphans)
    server = await http1.serve(
        microvm.respond,
        settings.worker_host,
        settings.worker_port,
        max_body_bytes=settings.max_line_bytes + HEADROOM_BYTES,
        admits=microvm.admits,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sweeping = asyncio.create_task(orphans.run())
    _logger.info("worker waits for /run", extra={"port": server.sockets[0].getsockname()[1]})
    await stop.wait()
    await microvm.end()
    sweeping.cancel()
    await asyncio.wait([sweeping])
    server.close()


async def _touch_runtimes(settings: WorkerSettings) -> None:
    """Run what children will run, so that Lambda has it at hand when it restores a snapshot."""
    for name in ("node", "python3"):
        program = Path(settings.runtime_path or "/usr/bin", name)
        if program.exists():
            # Not a child of the loop: `Orphans` reaps what it does not know.
            await asyncio.to_thread(_show_version, program)


def _show_version(program: Path) -> None:
    subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
