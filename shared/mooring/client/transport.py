"""MCP over WebSocket for `mcp` 2.x, which has no such transport of its own.

Two tasks carry messages between a session and the streams that the SDK works on. A message that cannot be
sent becomes the error answer of its request, so that no caller waits for it; a session that is over ends the
stream of incoming messages, which fails every request still open.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import (
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    jsonrpc_message_adapter,
)

from mooring.client.patience import Patience
from mooring.client.session import Session
from mooring.errors import FrameTooLarge, MooringError

FLUSH_SECONDS = 2.0  # how long messages already accepted may take to leave when the transport closes

Incoming = SessionMessage | Exception


def websocket_transport(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    session: str | None = None,
    received: int = 0,
    patience: Patience | None = None,
) -> "WebSocketTransport":
    """Return a session with the server at `url`, for `mcp.client.Client` or `ClientSession`.

    Entered, it connects, and connects again whenever the connection is lost. `session` and `received` of an
    earlier transport go on with its session. Entering raises:
        MooringError: the session was refused: bad key, unknown server, config that does not fit, no room.
        SessionNotFound: there is nothing left to go on with; start anew without `session`.
        OSError: the host cannot be reached, or does not speak WebSocket.
    """
    return WebSocketTransport(Session(url, headers=headers, id=session, received=received, patience=patience))


class WebSocketTransport:
    """Two streams of messages while entered, and what it takes to go on in another process."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._streams: AbstractAsyncContextManager[TransportStreams] = _streams(session)

    @property
    def session(self) -> str:
        """The session's id. Together with a key of its principal it is all that opens the session."""
        return self._session.id

    @property
    def received(self) -> int:
        """How many frames of the session have been read from the stream so far."""
        return self._session.received

    async def __aenter__(self) -> TransportStreams:
        return await self._streams.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._streams.__aexit__(kind, error, traceback)


@asynccontextmanager
async def _streams(session: Session) -> AsyncGenerator[TransportStreams, None]:
    to_session, from_server = anyio.create_memory_object_stream[Incoming](0)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    with to_session, from_server, to_server, from_session:
        await session.open()
        # Plain tasks: a task group would wrap every error of the caller in an ExceptionGroup.
        receiving = asyncio.create_task(_receive(session, to_session))
        sending = asyncio.create_task(_send(session, from_session, to_session))
        try:
            yield from_server, to_server
        finally:
            from_server.close()
            to_server.close()
            with anyio.CancelScope(shield=True):  # bounded by FLUSH_SECONDS and the close timeout
                await asyncio.wait((sending,), timeout=FLUSH_SECONDS)
                sending.cancel()
                receiving.cancel()
                await asyncio.wait((sending, receiving))
                await session.close()


async def _receive(session: Session, to_session: MemoryObjectSendStream[Incoming]) -> None:
    """Pass frames on; close the stream, after the reason why, when the session is over."""
    with to_session, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        try:
            while True:
                await to_session.send(_parse(await session.receive()))
        except MooringError as error:
            await to_session.send(error)


def _parse(frame: bytes) -> Incoming:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(frame, by_name=False))
    except ValueError as error:
        return error


async def _send(
    session: Session,
    from_session: MemoryObjectReceiveStream[SessionMessage],
    to_session: MemoryObjectSendStream[Incoming],
) -> None:
    """Send what is written; once the session is over, writing fails at once."""
    with from_session, suppress(MooringError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for item in from_session:
            try:
                await session.send(_encode(item.message))
            except FrameTooLarge as error:
                await _refuse(session, to_session, item.message, error)


async def _refuse(
    session: Session,
    to_session: MemoryObjectSendStream[Incoming],
    message: JSONRPCMessage,
    error: FrameTooLarge,
) -> None:
    """Tell whoever would wait for the answer to `message`, or for `message` as an answer."""
    if isinstance(message, JSONRPCNotification):
        await to_session.send(error)
        return
    answer = JSONRPCError(jsonrpc="2.0", id=message.id, error=ErrorData.model_validate(error.as_jsonrpc()))
    if isinstance(message, JSONRPCRequest):
        await to_session.send(SessionMessage(answer))
    else:
        await session.send(_encode(answer))


def _encode(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
