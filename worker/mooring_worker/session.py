"""One session from its start to its end: its child, its sandbox, its way to the client.

POST frames -> accept -> inbox -> relay -> child's stdin
child's stdout -> relay -> sender -> @connections -> client

A session that may be resumed (`order.resume_seconds`) outlives its connection: it is detached for that long.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from mooring.errors import ChildExited, SessionNotFound, StartFailed, WorkerUnavailable
from mooring.launch import Computed, Launch
from mooring.ledger import Ledger
from mooring.settings import WorkerSettings
from mooring_worker import frames, logs, starting
from mooring_worker.child import Child, Listener
from mooring_worker.connections import Connections
from mooring_worker.forensics import Death, obituary
from mooring_worker.idleness import Idleness
from mooring_worker.inbox import Inbox
from mooring_worker.inflight import InFlight
from mooring_worker.metrics import Counts
from mooring_worker.order import Order
from mooring_worker.orphans import Orphans
from mooring_worker.presence import Presence
from mooring_worker.quotas import Pace
from mooring_worker.relay import Relay
from mooring_worker.rows import Rows
from mooring_worker.sandbox import Sandbox
from mooring_worker.sender import Flow
from mooring_worker.tail import Tail
from mooring_worker.waiting import Waiting


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"
    """The child is gone; the session remains to say so to every request."""
    CLOSING = "closing"


class Session:
    """`on_change` is told when the child is gone, `on_gone` when the session is. `pace` limits frames."""

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
        rows: Rows,
        ledger: Ledger | None = None,
        pace: Pace | None = None,
        on_change: Callable[[], None],
        on_gone: Callable[["Session"], None],
    ) -> None:
        self.session_id = session_id
        self.state = State.STARTING
        self.counts_for = tuple(party.key for party in order.parties)
        self.server = order.server
        self.bundle = order.bundle
        self.log = Tail(settings.log_bytes)
        self._release = order.release
        self._is_owner = order.is_owner
        self.sandbox = sandbox
        self._orphans = orphans
        self._counts = counts
        self._settings = settings
        self._rows = rows
        self._on_change = on_change
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._child: Child | None = None
        self._failure: ChildExited | None = None
        flow = Flow(self._pause, self._resume, lambda frame: self._relay.refused(frame))
        self._presence = Presence(order, connections, settings, flow, self.end_soon)
        self._sender = self._presence.sender
        self._relay = Relay(
            order.server,
            self._sender.push,
            self._write,
            tail=self.log,
            max_line_bytes=settings.max_line_bytes,
            counts=counts,
            from_client=InFlight(ledger, session_id),
            repeats=self._presence.repeats,
        )
        self._inbox = Inbox(self._relay, settings, self._presence.repeats, self._sender.push, pace)
        self._waiting = Waiting()
        self._drains = False
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._began_at = self._loop.time()
        self._idleness = Idleness(order.idle_seconds, self._is_busy, self.end_soon)
        self._stopping: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def start(self, launch: Launch | Computed, fetch: asyncio.Task[None] | None = None) -> None:
        """Start the child, after its bundle is fetched. That it cannot be is told in band."""
        self._counts.starts += 1
        try:
            if not await self._waiting.fetched(fetch):
                self._started.set_result(None)
                return
            process = await starting.spawn(launch, self.sandbox, self._orphans)
        except StartFailed as error:
            await self.sandbox.remove()
            self._waiting.take()
            self.log.close(error.message, {}, is_news=True)
            self._fail(error)
            self._started.set_result(None)
            return
        listener = Listener(
            self._on_output, self.log.write, self._on_deaf, self._on_child_exit, self._on_child_end
        )
        self._child = Child(process, listener)
        await self._child.attach()
        if self.state is State.STARTING:
            self.state = State.RUNNING
            self._child.write_all(self._waiting.take())
        self._started.set_result(None)
        self._note("session started", server=self.server)

    def accept(self, frame: bytes, message_id: str, connection: str = "") -> None:
        """Hand a frame of the client to the child; one that came before under `message_id` counts as handed.

        A session that may be resumed drops what its client sends again, and refuses in band.

        Raises:
            InvalidFrame: it is not JSON-RPC.
            ChildExited: the child is gone, with the error that its requests got.
            SessionNotFound: it is being ended.
            LimitReached: the child does not read what it is sent, or too much is sent.
        """
        if self._inbox.take(frame, message_id, connection, self._hearing_child):
            self._idleness.note_frame()
            self._end_if_drained()  # by a cancellation

    def attach(self, connection: str, received: int = 0) -> None:
        """Send to another connection from now on; see `Presence.attach`."""
        self._presence.attach(connection, received)
        if self._presence.repeats:
            self._idleness.note_frame()
            self._end_if_drained()

    def detach(self, connection: str, close_code: int) -> None:
        """A connection is closed; see `Presence.detach`."""
        self._presence.detach(connection, close_code)

    def end_soon(self, reason: str = "") -> asyncio.Task[None]:
        """Begin to end the session, and tell the client `reason` unless it is empty; return the task."""
        if self._ending is None:
            self.state = State.CLOSING
            self._waiting.leave()
            self._idleness.close()
            self._presence.close()
            self._inbox.close()
            self._ending = self._loop.create_task(self._end(reason))
        return self._ending

    def requests_in_flight(self) -> tuple[str, list[bytes]]:
        """Return the session's connection and the ids of the requests that its client waits for."""
        return self._sender.connection, self._relay.unanswered()

    def drain(self, reason: str) -> None:
        """Tell the client `reason`, once; end the session as soon as nothing is in flight."""
        if self.state is State.CLOSING or self._drains:
            return
        self._drains = True
        self._inbox.open()  # no time is left to wait for what was overtaken
        self._sender.push(frames.log("warning", reason))
        self._end_if_drained()

    def overstep(self, verdict: str) -> None:
        """Kill the child: it `verdict`, such as "used more than 512 MiB of memory"."""
        if self._child and not self.sandbox.verdict:
            self.sandbox.verdict = verdict
            self._child.kill()

    def describe(self) -> dict[str, str | int | float | None]:
        return {
            "id": self.session_id,
            "server": self.server,
            "release": self._release,
            "state": "detached" if self._presence.is_awaited and self.state is State.RUNNING else self.state,
            "pid": self._child.pid if self._child and self._child.is_running else None,
            "inFlight": self._relay.in_flight,
            "queuedBytes": self._sender.queued_bytes,
            "ageSeconds": round(self._loop.time() - self._began_at, 3),
            "idleSeconds": round(self._idleness.seconds, 3),
        }

    async def _end(self, reason: str) -> None:
        await asyncio.wait([self._started])
        try:
            if reason:
                await self._say_goodbye(reason)
            if self._child:
                await self._stop_child(self._child)
                self._child.ignore_output()
            await (self._cleaning or self.sandbox.clean(self._orphans))
            await self._presence.leave()
            if self._presence.repeats:
                await self._rows.forget(self.session_id, self._sender.connection)
        finally:
            self._on_gone(self)
        self._note("session ended", reason=reason)

    async def _say_goodbye(self, reason: str) -> None:
        if not self._sender.is_attached:
            return
        self._inbox.open()  # what was held is answered like the rest
        self._relay.answer_all(WorkerUnavailable(reason))
        if not self._drains:  # else it has been told
            self._sender.push(frames.log("warning", reason))
        await self._presence.hang_up()

    def _end_if_drained(self) -> None:
        if self._drains and not (self._is_busy() or self._inbox.held_bytes):
            self.end_soon("the worker stops; connect again for another session")

    def _hearing_child(self) -> Child | Waiting:
        if self._failure:
            raise self._failure.with_traceback(None)  # each raise would make it longer
        if self.state is State.CLOSING:
            raise SessionNotFound("the session is ending; connect again to start another")
        if self._child is None or self.state is State.STARTING:
            return self._waiting
        # Also one that reads no more: it is being ended, and its end answers this frame too, with the reason.
        return self._child

    def _write(self, line: bytes) -> None:
        if self.state is State.STARTING:
            self._waiting.add(line)
        elif self._child and not self._child.is_deaf and self.state is not State.CLOSING:
            self._child.write(line)

    def _on_output(self, chunk: bytes) -> None:
        if self._relay.child_wrote(chunk):
            self._idleness.note_frame()
            self._end_if_drained()

    def _on_deaf(self) -> None:
        """A child that reads no more serves nobody. Most are exiting; the ladder sees to the rest."""
        if self._child and self._child.is_running and self._stopping is None:
            self._stopping = self._loop.create_task(self._stop_child(self._child))

    async def _stop_child(self, child: Child) -> None:
        await child.stop(self._settings.exit_grace_seconds, self._settings.term_grace_seconds)

    def _on_child_exit(self) -> None:
        assert self._child, "it exited"
        self.sandbox.note_exit(self._child)
        # At once: what it left running may hold its output open.
        self._cleaning = self._loop.create_task(self.sandbox.clean(self._orphans))

    def _on_child_end(self) -> None:
        assert self._child, "it ended"
        self._relay.child_ended()
        death = Death.of(self._child, self.sandbox.is_out_of_memory, self.sandbox.verdict)
        stderr = self.log.last_words() if self._is_owner else None
        is_news = self.state is not State.CLOSING
        self.log.close(f"the server {death.how}", death.data, is_news=is_news)
        if is_news:
            self._fail(obituary(death, stderr, has_spoken=self._relay.has_spoken))

    def _fail(self, error: ChildExited) -> None:
        self._failure = error
        self.state = State.EXITED
        self._counts.start_failures += isinstance(error, StartFailed)
        self._inbox.open()  # what was held is answered like the rest
        if not self._relay.answer_all(error):
            self._sender.push(frames.log("error", error.message))
        self._end_if_drained()
        self._on_change()
        self._note("child ended", error=type(error).__name__)

    def _note(self, what: str, **more: str) -> None:
        logs.note(what, session_id=self.session_id, connection_id=self._sender.connection, **more)

    def _pause(self) -> None:
        if self._child:
            self._child.pause()

    def _resume(self) -> None:
        if self._child:
            self._child.resume()

    def _is_busy(self) -> bool:
        # What answers a request is a frame; and one that waits to be resumed has a term of its own.
        return bool(self._relay.in_flight) or self._presence.is_awaited
