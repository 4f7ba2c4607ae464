"""One client's socket: RFC 6455 as API Gateway speaks it, without a word about routes."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from http.client import responses
from typing import NamedTuple, cast

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event, State
from websockets.server import ServerProtocol

from mooring_local.gateway.limits import FRAME_BYTES, MESSAGE_BYTES

_FRAMING_HEADERS = {"connection", "content-length", "transfer-encoding"}
_LINGER_SECONDS = 5.0  # for the other side to close too, after we have

# websockets logs the head of a handshake and every frame at DEBUG: keys, configuration, messages.
_SILENT = logging.Logger("websockets", logging.WARNING)


class Ending(NamedTuple):
    """Why a socket ended, with the code and reason that $disconnect gets."""

    code: int
    reason: str


NO_STATUS = Ending(CloseCode.NO_STATUS_RCVD, "Client-side close frame status not set")  # the words of AWS
LOST = Ending(CloseCode.ABNORMAL_CLOSURE, "")


class WebSocket(asyncio.Protocol):
    """A handshake that somebody else accepts or refuses, then text messages until `ended`.

    `on_request` is called with a valid opening handshake; one that breaks RFC 6455 is refused here. No
    extension is negotiated. Pings are answered, frames over the limits and binary frames end the socket.
    """

    def __init__(self, on_request: Callable[["WebSocket", Request], None]) -> None:
        self._on_request = on_request
        self._protocol = ServerProtocol(max_size=(MESSAGE_BYTES, FRAME_BYTES), logger=_SILENT)
        self._parts: list[bytes] = []
        self._linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        """Done as soon as no message can pass in either direction, which may be before the TCP close."""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._linger:
            self._linger.cancel()
        self._end(LOST)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        if self._protocol.state is State.CONNECTING:
            self._shake_hands(events)
        else:
            self._take(events)
        self._flush()

    @property
    def peer(self) -> str:
        """The client's IP address."""
        address = self._transport.get_extra_info("peername")
        return str(address[0]) if address else ""

    @property
    def is_open(self) -> bool:
        return not self.ended.done()

    @property
    def buffered_bytes(self) -> int:
        """How much has been sent that the client has not taken yet."""
        return self._transport.get_write_buffer_size()

    def accept(
        self, subprotocol: str | None, on_message: Callable[[str], None], on_ping: Callable[[], None]
    ) -> None:
        """Answer the handshake with 101; do nothing if the client has left meanwhile."""
        if not self.is_open:
            return
        self._on_message, self._on_ping = on_message, on_ping
        if subprotocol:
            self._accepted.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._protocol.send_response(self._accepted)
        self._flush()
        self._transport.resume_reading()

    def refuse(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer the handshake with an HTTP response, whose framing is not up to `headers`."""
        if not self.is_open:
            return
        sent = {name: value for name, value in headers.items() if name.lower() not in _FRAMING_HEADERS}
        sent |= {"Content-Length": str(len(body)), "Connection": "close"}
        response = Response(status, responses.get(status, ""), Headers(sent), body)
        self._protocol.send_response(response)
        self._flush()
        self._transport.resume_reading()

    def send(self, text: bytes) -> None:
        """Send one text message; the socket must be open."""
        self._protocol.send_text(text)
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """End an accepted socket; drop one whose handshake is not answered yet."""
        if not self.is_open:
            return
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._flush()
            self._drop_later()
        else:
            self._transport.abort()
        self._end(Ending(code, reason))

    def _shake_hands(self, events: Sequence[Event]) -> None:
        if not events:
            return  # not complete, or refused by the protocol object
        request, *early = events
        assert isinstance(request, Request)
        if early or self._protocol.parser_exc:
            self._transport.abort()  # RFC 6455, 4.1: a client sends nothing before the answer
            return
        response = self._protocol.accept(request)
        if response.status_code != 101:
            self._protocol.send_response(response)
            return
        self._accepted = response
        self._transport.pause_reading()
        self._on_request(self, request)

    def _take(self, events: Sequence[Event]) -> None:
        for frame in events:
            if not self.is_open:
                return
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.CONT:
                self._take_text(frame)
            elif frame.opcode is Opcode.BINARY:
                self._fail(CloseCode.UNSUPPORTED_DATA, "binary frames are not supported")
            elif frame.opcode is Opcode.PING:
                self._on_ping()
            elif frame.opcode is Opcode.CLOSE:
                received = self._protocol.close_rcvd
                assert received
                no_status = received.code == CloseCode.NO_STATUS_RCVD
                self._end(NO_STATUS if no_status else Ending(int(received.code), received.reason))
        if self._protocol.parser_exc and self._protocol.close_sent:
            sent = self._protocol.close_sent
            self._end(Ending(int(sent.code), sent.reason))

    def _take_text(self, frame: Frame) -> None:
        data = frame.data
        if self._parts or not frame.fin:
            self._parts.append(bytes(data))
            if not frame.fin:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "text is not UTF-8")
            return
        self._on_message(text)

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._protocol.fail(code, reason)
        self._end(Ending(int(code), reason))

    def _end(self, ending: Ending) -> None:
        if self.is_open:
            self.ended.set_result(ending)

    def _flush(self) -> None:
        writes = self._protocol.data_to_send()
        if not writes or self._transport.is_closing():
            return
        self._transport.write(b"".join(writes))
        if not writes[-1]:  # websockets' mark for the end of the stream
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._drop_later()

    def _drop_later(self) -> None:
        if self._linger is None:
            self._linger = self._loop.call_later(_LINGER_SECONDS, self._transport.abort)
