"""The client of one session: there, gone for good, or gone and awaited."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from mooring.errors import SessionNotFound, WorkerUnavailable
from mooring.settings import WorkerSettings
from mooring_worker.connections import Connections
from mooring_worker.order import Order
from mooring_worker.repeats import Repeats
from mooring_worker.ring import Overrun, Ring
from mooring_worker.sender import Flow, Sender

DETACHED_GRACE_SECONDS = 5.0

_FAREWELL_SECONDS = 5.0  # for what still waits for the client when Mooring ends the session
_FINISHED = 1000  # close code of a client that is done; API Gateway itself closes with 1001 (RFC 6455, 7.4.1)
_FINISHED_SECONDS = 3.0  # not at once: a function of ours that closes a connection closes it with 1000 too

_logger = logging.getLogger(__name__)


class Presence:
    """`end` ends the session: its client does not come back, or (with a reason to tell it) cannot.

    `flow` is the sender's, as far as the client's presence does not matter.
    """

    __slots__ = (
        "_connections",
        "_end",
        "_is_over",
        "_loop",
        "_resume_seconds",
        "_timer",
        "repeats",
        "sender",
    )

    def __init__(
        self,
        order: Order,
        connections: Connections,
        settings: WorkerSettings,
        flow: Flow,
        end: Callable[[str], object],
    ) -> None:
        self._connections = connections
        self._resume_seconds = order.resume_seconds
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        ring = Ring(settings.ring_bytes) if order.resume_seconds else None
        self.repeats = Repeats(order.connection, settings.ring_bytes) if order.resume_seconds else None
        """None: a plain session, which ends with its connection."""
        flow = replace(flow, on_detached=self._on_detached)
        self.sender = Sender(connections, order.connection, settings.buffer_bytes, flow, ring)

    @property
    def is_awaited(self) -> bool:
        """The client has no connection and may come back to the session."""
        return self.repeats is not None and self._timer is not None

    def attach(self, connection: str, received: int) -> None:
        """Send to another connection from now on, first of all what the child has said meanwhile.

        Of a session that may be resumed the client has `received` frames and is sent all those after them.

        Raises:
            SessionNotFound: the session is being ended.
            Overrun: some of those frames are not kept any more; the session ends.
        """
        if self.repeats is None:
            self.sender.attach(connection)
        elif self._is_over:
            raise SessionNotFound("the session is ending")
        else:
            self._resume(connection, received, self.repeats)
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def detach(self, connection: str, close_code: int) -> None:
        """A connection is closed. If it is the present one, a plain session ends; any other waits.

        It does not wait long for a client that closed with the code of one that is done.
        """
        if connection != self.sender.connection:
            return
        if self.repeats is None:
            self._end("")
            return
        self.sender.detach()
        if close_code == _FINISHED and not self.sender.has_hung_up:
            self._wait(min(_FINISHED_SECONDS, self._resume_seconds))
        else:
            self._on_detached()

    def close(self) -> None:
        """Nobody is awaited any more."""
        self._is_over = True
        if self._timer:
            self._timer.cancel()

    async def leave(self) -> None:
        """Let go of the client and of all that was kept for it."""
        await self.sender.stop()
        if self.repeats is not None:
            self.repeats.clear()

    async def hang_up(self) -> None:
        """Send what still waits, within a bounded time, and close the connection."""
        await self.sender.flush(_FAREWELL_SECONDS)
        try:
            await self._connections.close(self.sender.connection)
        except WorkerUnavailable as error:  # API Gateway's own limits will close it
            _logger.warning("connection not closed", extra={"detail": error.message})

    def _on_detached(self) -> None:
        if self._timer is None:
            self._wait(self._resume_seconds or DETACHED_GRACE_SECONDS)

    def _wait(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        if not self._is_over:
            self._timer = self._loop.call_later(seconds, self._end, "")

    def _resume(self, connection: str, received: int, repeats: Repeats) -> None:
        try:
            coming, heard_at = self.sender.resume(connection, received)
        except Overrun:
            self._end("the session has ended: it cannot go on where another connection wanted to resume it")
            raise
        repeats.resumed(connection, coming, heard_at, self._loop.time())
