"""From a session to its client: in order, one frame at a time, nothing lost."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mooring.errors import ConnectionGone, FrameTooLarge, WorkerUnavailable
from mooring_worker.connections import Connections

_HANDSHAKE_SECONDS = 5.0  # @connections answers 410 until the client's handshake is over
_PATIENCE_SECONDS = 30.0  # with a WebSocket API that does not take a frame
_FIRST_BACKOFF_SECONDS = 0.02
_LONGEST_BACKOFF_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Flow:
    """What the owner of a sender wants to be told."""

    on_full: Callable[[], None]
    """More than `buffer_bytes` wait: write no more until `on_room`."""
    on_room: Callable[[], None]
    on_detached: Callable[[], None]
    """The client is gone; what waits is kept for `attach`."""
    on_refused: Callable[[bytes], None]
    """The WebSocket API refused this frame for its size; it has been dropped."""


class Sender:
    """A frame leaves the queue when it was delivered. An answer that gets lost may deliver it twice."""

    __slots__ = (
        "_attached_at",
        "_buffer_bytes",
        "_connections",
        "_drained",
        "_flow",
        "_full",
        "_loop",
        "_queue",
        "_task",
        "_wake",
        "connection",
        "is_attached",
        "queued_bytes",
    )

    def __init__(self, connections: Connections, connection: str, buffer_bytes: int, flow: Flow) -> None:
        self.connection = connection
        self.is_attached = True
        self.queued_bytes = 0
        self._connections = connections
        self._buffer_bytes = buffer_bytes
        self._flow = flow
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._full = False
        # Futures made when somebody waits: an idle session holds one, where an Event takes 800 bytes each.
        self._wake: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._attached_at = self._loop.time()
        self._task = self._loop.create_task(self._run())

    def push(self, frame: bytes) -> None:
        self._queue.append(frame)
        self.queued_bytes += len(frame)
        self._notify()
        if self.queued_bytes > self._buffer_bytes and not self._full:
            self._full = True
            self._flow.on_full()

    def attach(self, connection: str) -> None:
        """Send from now on to `connection`, first of all what waits."""
        self.connection = connection
        self.is_attached = True
        self._attached_at = self._loop.time()
        self._notify()

    async def flush(self, seconds: float) -> None:
        """Return when nothing waits any more, or after `seconds`."""
        if self._queue:
            self._drained = self._loop.create_future()
            await asyncio.wait([self._drained], timeout=seconds)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        queue = self._queue
        while True:
            while not queue:
                await self._woken()
            await self._deliver(queue[0])
            self.queued_bytes -= len(queue.popleft())
            if self._full and self.queued_bytes <= self._buffer_bytes // 2:
                self._full = False
                self._flow.on_room()
            if self._drained and not queue and not self._drained.done():
                self._drained.set_result(None)

    async def _deliver(self, frame: bytes) -> None:
        backoff, began_at = _FIRST_BACKOFF_SECONDS, self._loop.time()
        while True:
            connection = self.connection
            try:
                return await self._connections.post(connection, frame)
            except FrameTooLarge:
                return self._flow.on_refused(frame)
            except ConnectionGone:
                give_up_at = self._attached_at + _HANDSHAKE_SECONDS
            except WorkerUnavailable:
                give_up_at = began_at + _PATIENCE_SECONDS
            if connection != self.connection:
                continue  # another one was attached meanwhile
            if self._loop.time() + backoff < give_up_at:
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
                continue
            self.is_attached = False
            self._flow.on_detached()
            while not self.is_attached:
                await self._woken()
            backoff, began_at = _FIRST_BACKOFF_SECONDS, self._loop.time()

    async def _woken(self) -> None:
        self._wake = self._loop.create_future()
        await self._wake

    def _notify(self) -> None:
        if self._wake and not self._wake.done():
            self._wake.set_result(None)
