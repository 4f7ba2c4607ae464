"""From a session to its client: in order, one frame at a time, nothing lost.

What @connections answers leaves two doubts. A time-out, a 5xx or a broken connection says nothing of the
frame: a plain session sends it again, and its client may get it twice; one that may be resumed closes the
connection, because the client's count tells when it comes back. And 410 means gone, or not yet there.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mooring.errors import ConnectionGone, FrameTooLarge, WorkerUnavailable
from mooring_worker.connections import Connections, DeliveryUnknown
from mooring_worker.ring import Ring

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
    on_refused: Callable[[bytes], None]
    """The WebSocket API refused this frame for its size; it has been dropped."""
    on_detached: Callable[[], None] = lambda: None
    """The client is gone; what waits is kept for `attach` or `resume`."""


class Sender:
    """Has a `ring` where the session may be resumed, with `resume`; in a plain one the client is replaced."""

    __slots__ = (
        "_attached_at",
        "_buffer_bytes",
        "_connections",
        "_drained",
        "_flow",
        "_full",
        "_has_arrived",
        "_is_begun",
        "_loop",
        "_queue",
        "_ring",
        "_task",
        "_wake",
        "connection",
        "has_hung_up",
        "is_attached",
        "queued_bytes",
    )

    def __init__(
        self,
        connections: Connections,
        connection: str,
        buffer_bytes: int,
        flow: Flow,
        ring: Ring | None = None,
    ) -> None:
        self.connection = connection
        self.is_attached = True
        self.has_hung_up = False
        """It was the sender that closed the connection."""
        self.queued_bytes = 0
        self._connections = connections
        self._buffer_bytes = buffer_bytes
        self._flow = flow
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._full = False
        self._is_begun = False
        """The first of the queue is in the ring, because it may have been sent."""
        self._has_arrived = False
        """The present connection has taken a frame: its handshake is over."""
        # Futures made when somebody waits: an idle session holds one, where an Event takes 800 bytes each.
        self._wake: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._attached_at = self._loop.time()
        self._task = self._loop.create_task(self._run())

    def push(self, frame: bytes) -> None:
        self._queue.append(frame)
        self.queued_bytes += len(frame)
        self._notify()
        if self.queued_bytes > self._buffer_bytes:
            self._fill()

    def attach(self, connection: str) -> None:
        """Send from now on to `connection`, first of all what waits."""
        self._use(connection)
        self._notify()

    def resume(self, connection: str, received: int) -> tuple[Sequence[bytes], float]:
        """As `attach`, for a client that has `received` frames: first of all what it lacks.

        The connection before is closed. Return the frames that the client will be sent, and when the last
        frame that it has was sent.

        Raises:
            Overrun: what it lacks is not there any more; nothing has changed.
        """
        assert self._ring is not None, "a plain session is not resumed"
        again, skipped, heard_at = self._ring.rewind(received)
        self._task.cancel()  # a frame on its way to the old connection is among those to send again
        if self._is_begun:
            self._queue.popleft()
            self._is_begun = False
        for _ in range(skipped):
            self._queue.popleft()
        self._queue.extendleft(reversed(again))
        self.queued_bytes = sum(map(len, self._queue))
        if connection != self.connection:
            self._connections.close_soon(self.connection)
        self._use(connection)
        self._wake = None
        self._task = self._loop.create_task(self._run())
        if self.queued_bytes > self._buffer_bytes:
            self._fill()
        return self._queue, heard_at

    def detach(self) -> None:
        """Send nothing until `resume`: the connection is closed."""
        self.is_attached = False
        self._task.cancel()

    async def flush(self, seconds: float) -> None:
        """Return when nothing waits any more, or after `seconds`."""
        if self._queue:
            self._drained = self._loop.create_future()
            await asyncio.wait([self._drained], timeout=seconds)

    async def stop(self) -> None:
        """Send nothing any more, and let go of what was kept: the collector may come for it much later."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._queue.clear()
        if self._ring is not None:
            self._ring.clear()

    def _use(self, connection: str) -> None:
        self.connection = connection
        self.is_attached = True
        self.has_hung_up = self._has_arrived = False
        self._attached_at = self._loop.time()

    async def _run(self) -> None:
        queue = self._queue
        while True:
            while not queue:
                await self._woken()
            await self._deliver(queue[0])
            self._is_begun = False
            self.queued_bytes -= len(queue.popleft())
            if self._full and self.queued_bytes <= self._buffer_bytes // 2:
                self._full = False
                self._flow.on_room()
            if self._drained and not queue and not self._drained.done():
                self._drained.set_result(None)

    async def _deliver(self, frame: bytes) -> None:
        backoff, began_at = _FIRST_BACKOFF_SECONDS, self._loop.time()
        if self._ring is not None:
            self._ring.add(frame, began_at)
            self._is_begun = True
        while True:
            connection = self.connection
            try:
                await self._connections.post(connection, frame, is_repeatable=self._ring is None)
                self._has_arrived = True
                return
            except FrameTooLarge:
                if self._ring is not None:
                    self._ring.take_back()
                return self._flow.on_refused(frame)
            except (ConnectionGone, WorkerUnavailable) as error:
                give_up_at = self._give_up_at(error, began_at)
            if connection != self.connection:
                continue  # another one was attached meanwhile
            if self._loop.time() + backoff < give_up_at:
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
                continue
            self.is_attached = False
            self._flow.on_detached()
            if self._ring is not None:
                await self._hang_up()
            while not self.is_attached:
                await self._woken()
            backoff, began_at = _FIRST_BACKOFF_SECONDS, self._loop.time()

    def _give_up_at(self, error: ConnectionGone | WorkerUnavailable, began_at: float) -> float:
        """Return until when to send a frame again that met with `error`."""
        is_resumable = self._ring is not None
        if isinstance(error, ConnectionGone):
            return 0.0 if is_resumable and self._has_arrived else self._attached_at + _HANDSHAKE_SECONDS
        return 0.0 if is_resumable and isinstance(error, DeliveryUnknown) else began_at + _PATIENCE_SECONDS

    async def _hang_up(self) -> None:
        """Have the client come back: it alone knows what has arrived."""
        self.has_hung_up = True  # before $disconnect can say that the client did
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            try:
                if await self._connections.close(self.connection):
                    return
            except WorkerUnavailable:
                pass
            else:  # there is none, or there is none yet: it would open when its handshake is over
                if self._has_arrived or self._loop.time() > self._attached_at + _HANDSHAKE_SECONDS:
                    self.has_hung_up = False
                    return
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)

    def _fill(self) -> None:
        if not self._full:
            self._full = True
            self._flow.on_full()

    async def _woken(self) -> None:
        self._wake = self._loop.create_future()
        await self._wake

    def _notify(self) -> None:
        if self._wake and not self._wake.done():
            self._wake.set_result(None)
