"""One session from its start to its end: its child, its sandbox, its way to the client.

POST frames -> accept -> relay -> child's stdin
child's stdout -> relay -> sender -> @connections -> client
"""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum

from mooring.errors import ChildExited, LimitReached, SessionNotFound, StartFailed, WorkerUnavailable
from mooring.launch import Launch
from mooring.settings import WorkerSettings
from mooring_worker import frames
from mooring_worker.child import Child, Listener
from mooring_worker.connections import Connections
from mooring_worker.gate import Gate, Held
from mooring_worker.metrics import Counts
from mooring_worker.order import Order
from mooring_worker.orphans import Orphans
from mooring_worker.relay import Relay, envelopes_of
from mooring_worker.sandbox import Sandbox
from mooring_worker.sender import Flow, Sender

DETACHED_GRACE_SECONDS = 5.0

_FAREWELL_SECONDS = 5.0  # for what still waits for the client when Mooring ends the session
_REMEMBERED_MESSAGE_IDS = 64  # a repeated POST follows the first within its caller's timeout

_logger = logging.getLogger(__name__)


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    """The child is gone; the session remains to say so to every request."""
    CLOSING = "closing"


class Session:
    """`on_change` is told when the child is gone, `on_gone` when the session is."""

    def __init__(
        self,
        session_id: str,
        order: Order,
        sandbox: Sandbox,
        *,
        connections: Connections,
        orphans: Orphans,
        counts: Counts,
        settings: WorkerSettings,
        on_change: Callable[[], None],
        on_gone: Callable[["Session"], None],
    ) -> None:
        self.session_id = session_id
        self.state = State.STARTING
        self._server = order.server
        self._release = order.release
        self._is_owner = order.is_owner
        self._idle_seconds = order.idle_seconds
        self._sandbox = sandbox
        self._connections = connections
        self._orphans = orphans
        self._counts = counts
        self._settings = settings
        self._on_change = on_change
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._child: Child | None = None
        self._failure: ChildExited | None = None
        flow = Flow(self._pause, self._resume, self._on_detached, self._on_refused)
        self._sender = Sender(connections, order.connection, settings.buffer_bytes, flow)
        self._relay = Relay(
            order.server,
            self._sender.push,
            self._write,
            max_line_bytes=settings.max_line_bytes,
            counts=counts,
        )
        self._gate = Gate()
        self._gate_timer: asyncio.TimerHandle | None = None
        self._message_ids: dict[str, None] = {}
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._began_at = self._last_frame_at = self._loop.time()
        self._idle_timer = self._loop.call_later(order.idle_seconds, self._check_idle)
        self._detached_timer: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self, launch: Launch) -> None:
        """Start the child. One that cannot be executed is told in band, to every request."""
        self._counts.starts += 1
        try:
            process = self._sandbox.spawn(launch)
        except StartFailed as error:
            await self._sandbox.remove()
            self._fail(error)
            self._started.set_result(None)
            return
        self._orphans.expect(str(self._sandbox.directory), process.pid)
        listener = Listener(
            self._on_output, self._relay.tail.write, self._on_deaf, self._on_child_exit, self._on_child_end
        )
        self._child = Child(process, listener)
        await self._child.attach()
        if self.state is State.STARTING:
            self.state = State.RUNNING
        self._started.set_result(None)
        _logger.info("session started", extra={"session_id": self.session_id, "server": self._server})

    def accept(self, frame: bytes, message_id: str) -> None:
        """Hand a frame of the client to the child; one that came before under `message_id` counts as handed.

        Raises:
            InvalidFrame: it is not JSON-RPC.
            ChildExited: the child is gone, with the error that its requests got.
            SessionNotFound: the session is being ended.
            WorkerUnavailable: the session is being started.
            LimitReached: the child does not read what it is sent.
        """
        child = self._hearing_child()
        if message_id and message_id in self._message_ids:
            return
        envelopes = envelopes_of(frame)
        waiting_bytes = child.unread_bytes + self._gate.held_bytes
        if waiting_bytes and waiting_bytes + len(frame) > self._settings.buffer_bytes:
            raise LimitReached(
                f"the server does not read its input: {waiting_bytes} bytes wait for it; try again later",
                {"limitBytes": self._settings.buffer_bytes},
            )
        self._pass(self._gate.take(frame, envelopes))
        if self._gate.held_bytes and self._gate_timer is None:
            self._gate_timer = self._loop.call_later(self._settings.gate_seconds, self._open_gate)
        if message_id:
            self._remember(message_id)
        self._last_frame_at = self._loop.time()

    def attach(self, connection: str) -> None:
        """Send what the child says to another connection, first of all what it has said meanwhile."""
        if self._detached_timer:
            self._detached_timer.cancel()
            self._detached_timer = None
        self._sender.attach(connection)

    def end_soon(self, reason: str = "") -> asyncio.Task[None]:
        """Begin to end the session, and tell the client `reason` unless it is empty; return the task."""
        if self._ending is None:
            self.state = State.CLOSING
            self._idle_timer.cancel()
            for timer in (self._detached_timer, self._gate_timer):
                if timer:
                    timer.cancel()
            self._ending = self._loop.create_task(self._end(reason))
        return self._ending

    def describe(self) -> dict[str, str | int | float | None]:
        now = self._loop.time()
        return {
            "id": self.session_id,
            "server": self._server,
            "release": self._release,
            "state": self.state,
            "pid": self._child.pid if self._child and self._child.is_running else None,
            "inFlight": self._relay.in_flight,
            "queuedBytes": self._sender.queued_bytes,
            "ageSeconds": round(now - self._began_at, 3),
            "idleSeconds": round(now - self._last_frame_at, 3),
        }

    async def _end(self, reason: str) -> None:
        await asyncio.wait([self._started])
        try:
            if reason:
                await self._say_goodbye(reason)
            if self._child:
                await self._stop_child(self._child)
                self._child.ignore_output()
            await (self._cleaning or self._clean())
            await self._sender.stop()
        finally:
            self._on_gone(self)
        _logger.info("session ended", extra={"session_id": self.session_id, "reason": reason})

    async def _say_goodbye(self, reason: str) -> None:
        if not self._sender.is_attached:
            return
        self._relay.answer_all(WorkerUnavailable(reason))
        self._sender.push(frames.log("warning", reason))
        await self._sender.flush(_FAREWELL_SECONDS)
        try:
            await self._connections.close(self._sender.connection)
        except WorkerUnavailable as error:  # API Gateway's own limits will close it
            _logger.warning("connection not closed", extra={"detail": error.message})

    async def _clean(self) -> None:
        await self._orphans.end(str(self._sandbox.directory))
        await self._sandbox.remove()

    def _hearing_child(self) -> Child:
        if self._failure:
            raise self._failure.with_traceback(None)  # each raise would make it longer
        if self._child is None or self.state is State.STARTING:
            raise WorkerUnavailable("the session is still starting; try again")
        if self.state is State.CLOSING:
            raise SessionNotFound("the session is ending; connect again to start another")
        if self._child.is_deaf:
            raise ChildExited("the server has closed its standard input; connect again to start another")
        return self._child

    def _remember(self, message_id: str) -> None:
        if len(self._message_ids) == _REMEMBERED_MESSAGE_IDS:
            del self._message_ids[next(iter(self._message_ids))]
        self._message_ids[message_id] = None

    def _pass(self, passing: list[Held]) -> None:
        for frame, envelopes in passing:
            self._relay.client_wrote(frame, envelopes)

    def _open_gate(self) -> None:
        self._gate_timer = None
        self._pass(self._gate.open())

    def _write(self, line: bytes) -> None:
        if self._child and not self._child.is_deaf:
            self._child.write(line)

    def _on_output(self, chunk: bytes) -> None:
        if self._relay.child_wrote(chunk):
            self._last_frame_at = self._loop.time()

    def _on_deaf(self) -> None:
        """A child that reads no more serves nobody. Most are exiting; the ladder sees to the rest."""
        if self._child and self._child.is_running and self._stopping is None:
            self._stopping = self._loop.create_task(self._stop_child(self._child))

    async def _stop_child(self, child: Child) -> None:
        await child.stop(self._settings.exit_grace_seconds, self._settings.term_grace_seconds)

    def _on_child_exit(self) -> None:
        # At once: what it left running may hold its output open.
        self._cleaning = self._loop.create_task(self._clean())

    def _on_child_end(self) -> None:
        assert self._child, "it ended"
        self._relay.child_ended()
        if self.state is State.CLOSING:
            return
        exit_code, signal_name = self._child.exit_code, self._child.signal_name
        how = f"was killed by {signal_name}" if signal_name else f"exited with code {exit_code}"
        data: dict[str, object] = {"exitCode": exit_code, "signal": signal_name}
        if self._is_owner:
            data["stderr"] = self._relay.tail.lines()
        if self._relay.has_spoken:
            self._fail(ChildExited(f"the server {how}; connect again to start another", data))
        else:
            self._fail(StartFailed(f"the server {how} before its first message", data))

    def _fail(self, error: ChildExited) -> None:
        self._failure = error
        self.state = State.EXITED
        self._counts.start_failures += isinstance(error, StartFailed)
        if not self._relay.answer_all(error):
            self._sender.push(frames.log("error", error.message))
        self._on_change()
        _logger.info("child ended", extra={"session_id": self.session_id, "error": type(error).__name__})

    def _pause(self) -> None:
        if self._child:
            self._child.pause()

    def _resume(self) -> None:
        if self._child:
            self._child.resume()

    def _on_refused(self, frame: bytes) -> None:
        self._relay.refused(frame)

    def _on_detached(self) -> None:
        if self.state is not State.CLOSING:
            self._detached_timer = self._loop.call_later(DETACHED_GRACE_SECONDS, self.end_soon)

    def _check_idle(self) -> None:
        idle_seconds, now = self._idle_seconds, self._loop.time()
        # While a request is in flight the end is at least a whole term away: what answers it is a frame.
        due_at = now + idle_seconds if self._relay.in_flight else self._last_frame_at + idle_seconds
        if due_at > now:
            self._idle_timer = self._loop.call_at(due_at, self._check_idle)
        else:
            self.end_soon(
                f"the session was idle for {idle_seconds:g} seconds and has ended; connect again for another"
            )
