"""MCP over WebSocket for `mcp` 2.x, which has no such transport of its own.

Two tasks carry messages between the socket and the streams that the SDK's sessions work on. A message that
cannot be sent becomes the error answer of its request, so that no caller waits for it; a socket that closes
ends the stream of incoming messages, which fails every request still open.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

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
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from mooring.client.connection import connect, send
from mooring.errors import ConnectionGone, FrameTooLarge

FLUSH_SECONDS = 2.0  # how long messages already accepted may take to leave when the transport closes

Incoming = SessionMessage | Exception


@asynccontextmanager
async def websocket_transport(
    url: str, *, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[TransportStreams, None]:
    """Open a session with the server at `url`, for `mcp.client.Client` or `ClientSession`.

    Raises:
        MooringError: the session was refused: bad key, unknown server, config that does not fit, no room.
        OSError: the host cannot be reached, or does not speak WebSocket.
    """
    to_session, from_server = anyio.create_memory_object_stream[Incoming](0)
    to_server, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    with to_session, from_server, to_server, from_session:
        async with connect(url, headers=headers) as connection:
            # Plain tasks: a task group would wrap every error of the caller in an ExceptionGroup.
            receiving = asyncio.create_task(_receive(connection, to_session))
            sending = asyncio.create_task(_send(connection, from_session, to_session))
            try:
                yield from_server, to_server
            finally:
                from_server.close()
                to_server.close()
                with anyio.CancelScope(shield=True):  # bounded by FLUSH_SECONDS and the close timeout
                    await asyncio.wait((sending,), timeout=FLUSH_SECONDS)
                    sending.cancel()
                    await connection.close()
                    await asyncio.wait((sending, receiving))


async def _receive(connection: ClientConnection, to_session: MemoryObjectSendStream[Incoming]) -> None:
    """Pass frames to the session; close its stream when the socket closes."""
    with to_session, suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        try:
            while True:
                await to_session.send(_parse(await connection.recv(decode=False)))
        except ConnectionClosedError as error:
            await to_session.send(ConnectionGone(f"the connection was lost: {error}"))
        except ConnectionClosed:
            pass


def _parse(frame: bytes) -> Incoming:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(frame, by_name=False))
    except ValueError as error:
        return error


async def _send(
    connection: ClientConnection,
    from_session: MemoryObjectReceiveStream[SessionMessage],
    to_session: MemoryObjectSendStream[Incoming],
) -> None:
    """Send what the session writes; once the socket is closed its writes fail at once."""
    with from_session, suppress(ConnectionClosed, anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for item in from_session:
            try:
                await send(connection, _encode(item.message))
            except FrameTooLarge as error:
                await _refuse(connection, to_session, item.message, error)


async def _refuse(
    connection: ClientConnection,
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
        await send(connection, _encode(answer))


def _encode(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
