"""One WebSocket to a hosted server: open it, send a frame of any size API Gateway accepts."""

from collections.abc import Iterator, Mapping

from websockets.asyncio import client
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from mooring.client.refusals import refusal
from mooring.errors import FrameTooLarge

MAX_MESSAGE_BYTES = 131_072  # API Gateway quota "message payload size"
MAX_FRAGMENT_BYTES = 32_768  # API Gateway quota "WebSocket frame payload size"
MAX_INCOMING_BYTES = 1_048_576  # API Gateway never sends that much; other WebSocket hosts may
OPEN_TIMEOUT_SECONDS = 35.0  # over API Gateway's 29 s, so that its own refusal arrives
CLOSE_TIMEOUT_SECONDS = 2.0
PING_SECONDS = 60.0  # finds a dead peer; it does not reset API Gateway's idle cut of 10 minutes


async def connect(
    url: str, *, headers: Mapping[str, str] | None = None, timeout_seconds: float = OPEN_TIMEOUT_SECONDS
) -> ClientConnection:
    """Open a WebSocket for MCP.

    Raises:
        MooringError: the handshake was refused; class and message say why.
        OSError: the host cannot be reached, or does not speak WebSocket.
    """
    try:
        return await client.connect(
            url,
            subprotocols=[Subprotocol("mcp")],
            additional_headers=headers,
            compression=None,  # API Gateway offers none, and it costs more than it saves on one machine
            max_size=MAX_INCOMING_BYTES,
            open_timeout=timeout_seconds,
            close_timeout=CLOSE_TIMEOUT_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
        )
    except InvalidStatus as error:
        response = error.response
        retry_after = response.headers.get("Retry-After")
        raise refusal(response.status_code, bytes(response.body), retry_after) from error
    except InvalidHandshake as error:
        raise ConnectionError(f"the WebSocket handshake failed: {error}") from error


def check_size(frame: bytes) -> None:
    """Raise FrameTooLarge for what no WebSocket message can carry."""
    if len(frame) > MAX_MESSAGE_BYTES:
        raise FrameTooLarge(
            f"the message has {len(frame)} bytes; a WebSocket message may have {MAX_MESSAGE_BYTES}",
            {"bytes": len(frame), "limitBytes": MAX_MESSAGE_BYTES},
        )


async def send(connection: ClientConnection, frame: bytes) -> None:
    """Send one text message that passes `check_size`, in fragments where it is over the frame limit.

    Raises:
        websockets.ConnectionClosed: the socket is closed.
    """
    if len(frame) > MAX_FRAGMENT_BYTES:
        await connection.send(_fragments(frame), text=True)
    else:
        await connection.send(frame, text=True)


def _fragments(frame: bytes) -> Iterator[bytes]:
    for start in range(0, len(frame), MAX_FRAGMENT_BYTES):
        yield frame[start : start + MAX_FRAGMENT_BYTES]
