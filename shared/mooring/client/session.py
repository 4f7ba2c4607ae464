"""One session over as many connections as it takes.

Frames go in by `send` and come out of `receive`, in order and once each. A connection that is lost is
replaced inside `receive`, which somebody must therefore always be waiting in; `send` waits meanwhile.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from mooring.client.connection import CLOSE_TIMEOUT_SECONDS, OPEN_TIMEOUT_SECONDS, check_size, connect, send
from mooring.client.conversation import Conversation, is_gateway_failure
from mooring.client.patience import Patience, Search
from mooring.errors import (
    ConnectionGone,
    FrameTooLarge,
    MooringError,
    SessionNotFound,
    WorkerUnavailable,
)
from mooring.jsonrpc import error_frame
from mooring.url import resuming_url

_SESSION_BYTES = 16  # 128 bits: whoever knows the id and has the principal's key has the session
_PROVEN_SECONDS = 5.0  # a connection that lasted so long worked, even if it carried nothing

_PASSING = frozenset({429, 500, 503})  # statuses of refusals that may be over in a moment
_UNREADABLE = frozenset({CloseCode.UNSUPPORTED_DATA, CloseCode.INVALID_DATA, CloseCode.MESSAGE_TOO_BIG})
"""Close codes that say that a frame cannot be carried: on the next connection it could not either."""


class Session:
    """`id` and `received` are all that another process needs to go on with this session."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        id: str | None = None,
        received: int = 0,
        patience: Patience | None = None,
    ) -> None:
        self.id = id or secrets.token_urlsafe(_SESSION_BYTES)
        self._url = url
        self._headers = headers
        self._patience = patience or Patience()
        self._conversation = Conversation(received)
        self._connection: ClientConnection | None = None
        self._connected_at = 0.0
        self._search: Search | None = None
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._sending_again: asyncio.Task[None] | None = None
        self._is_closed = False
        self._end: MooringError | None = None
        self._last_words: deque[bytes] = deque()

    @property
    def received(self) -> int:
        """How many frames `receive` has given out; the last one counts when it is called again."""
        return self._conversation.received

    async def open(self) -> None:
        """Connect for the first time; nothing is tried twice.

        Raises:
            MooringError: the session was refused; class and message say why.
            OSError: the host cannot be reached, or does not speak WebSocket.
        """
        self._use(await self._connect(OPEN_TIMEOUT_SECONDS))

    async def send(self, frame: bytes) -> None:
        """Send a frame, after those before it; return when it is on its way.

        Raises:
            FrameTooLarge: over the message limit; it was not sent.
            MooringError: the session is over.
        """
        check_size(frame)
        async with self._turn:
            self._conversation.say(frame)
            await self._send_what_waits()

    async def receive(self) -> bytes:
        """Return the next frame.

        When the session cannot be resumed, every request without an answer gets an error as its answer first.

        Raises:
            SessionNotFound: the server has ended the session.
            ConnectionGone: it could not be reached in time, it refuses a frame, or `close` was called.
            MooringError: the session was refused when it was resumed; class and message say why.
        """
        while True:
            self._conversation.count()  # who asks for another frame has dealt with the one before
            if self._last_words:
                return self._last_words.popleft()
            if self._end:
                raise self._end
            try:
                frame = await self._present().recv(decode=False)
            except ConnectionClosed as error:
                await self._replace(error)
                continue
            if not is_gateway_failure(frame):
                if self._conversation.hear(frame, self._patience.clock()):
                    self._search = None
                return frame
            self._connected_at = self._patience.clock()  # this connection proves nothing
            await self._present().close(CloseCode.GOING_AWAY)  # and the next one gets what was lost

    async def close(self) -> None:
        """End the session and let the server know that nobody comes back, within a few seconds."""
        self._is_closed = True
        if self._sending_again:
            self._sending_again.cancel()
        if self._connection:
            await self._connection.close()
            if self._connection.close_code != CloseCode.NORMAL_CLOSURE and not self._end:
                with suppress(MooringError, OSError):  # the server waits for nothing, but not for ever
                    await (await self._connect(CLOSE_TIMEOUT_SECONDS)).close()
        self._over(ConnectionGone("the session was closed"))

    def _present(self) -> ClientConnection:
        assert self._connection, "open() comes first"
        return self._connection

    async def _send_what_waits(self) -> None:
        while True:
            connection = await self._usable()
            frame = self._conversation.next(self._patience.clock())
            if frame is None:
                return
            try:
                await send(connection, frame)
            except ConnectionClosed:  # `receive` sees it too, and what was lost is sent again
                if self._connection is connection:
                    self._ready.clear()

    async def _usable(self) -> ClientConnection:
        await self._ready.wait()
        if self._end:
            raise self._end
        return self._present()

    async def _replace(self, lost: ConnectionClosed) -> None:
        """Connect again, or make an end of the session."""
        self._ready.clear()
        code = self._present().close_code
        if self._is_closed:
            return self._over(ConnectionGone("the session was closed"))
        if code in _UNREADABLE:
            told = FrameTooLarge if code == CloseCode.MESSAGE_TOO_BIG else SessionNotFound
            return self._give_up(ConnectionGone(f"a frame cannot be carried: {lost}"), told)
        if self._search is None or self._patience.clock() - self._connected_at >= _PROVEN_SECONDS:
            self._search = Search(self._patience)
        cause: Exception = lost
        while await self._search.pause():
            try:
                connection = await self._connect(self._search.left_seconds)
            except MooringError as error:
                if error.http_status not in _PASSING:
                    return self._give_up(error)
                self._search.put_off((error.data or {}).get("retryAfterSeconds"))
                cause = error
            except OSError as error:
                cause = error
            else:
                return self._use(connection)
        self._give_up(ConnectionGone(f"the connection was lost and could not be replaced: {cause}"))

    async def _connect(self, timeout_seconds: float) -> ClientConnection:
        url = resuming_url(self._url, self.id, self._conversation.received)
        return await connect(
            url, headers=self._headers, timeout_seconds=min(timeout_seconds, OPEN_TIMEOUT_SECONDS)
        )

    def _use(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._connected_at = self._patience.clock()
        self._conversation.lose()
        self._ready.set()
        if self._sending_again is None or self._sending_again.done():
            self._sending_again = asyncio.create_task(self._send_again())

    async def _send_again(self) -> None:
        async with self._turn:
            with suppress(MooringError):  # `receive` tells it
                await self._send_what_waits()

    def _give_up(self, error: MooringError, told: type[MooringError] | None = None) -> None:
        """Make an end; `told` is the class of what each request without an answer gets."""
        told = told or (WorkerUnavailable if isinstance(error, WorkerUnavailable) else SessionNotFound)
        answer = told(f"the session has ended: {error.message}", error.data).as_jsonrpc()
        self._last_words.extend(
            error_frame(id_text, answer).encode() for id_text in self._conversation.unanswered
        )
        self._over(error)

    def _over(self, error: MooringError) -> None:
        self._end = self._end or error
        self._ready.set()
