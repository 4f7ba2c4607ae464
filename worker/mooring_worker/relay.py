"""The conversation of one session: what passes, what is refused, who still waits for an answer (no I/O).

Frames are opaque. Of each one only id and method are read, and only to know what is in flight.
"""

from collections.abc import Callable, Sequence

from mooring.envelope import Envelope, cancelled_id, peek
from mooring.errors import FrameTooLarge, InvalidFrame, LimitReached, MooringError
from mooring_worker import frames
from mooring_worker.inflight import InFlight
from mooring_worker.lines import LineSplitter, OverlongLine
from mooring_worker.metrics import Counts
from mooring_worker.repeats import Repeats
from mooring_worker.tail import Tail

MAX_FRAME_BYTES = 131_072  # API Gateway: 128 KB per WebSocket message

Write = Callable[[bytes], None]


class Relay:
    __slots__ = (
        "_counts",
        "_from_child",
        "_from_client",
        "_lines",
        "_repeats",
        "_server",
        "_tail",
        "_to_child",
        "_to_client",
        "has_spoken",
    )

    def __init__(
        self,
        server: str,
        to_client: Write,
        to_child: Write,
        *,
        tail: Tail,
        max_line_bytes: int,
        counts: Counts,
        from_client: InFlight | None = None,
        repeats: Repeats | None = None,
    ) -> None:
        self._tail = tail
        self.has_spoken = False
        """The child has written a JSON-RPC message."""
        self._server = server
        self._to_client = to_client
        self._to_child = to_child
        self._counts = counts
        self._lines = LineSplitter(max_line_bytes)
        self._from_client = InFlight() if from_client is None else from_client
        self._from_child = InFlight()
        self._repeats = repeats

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer, of either side."""
        return len(self._from_client) + len(self._from_child)

    def unanswered(self) -> list[bytes]:
        """Return the ids (JSON text) of the client's requests in flight."""
        return self._from_client.ids()

    def client_wrote(self, frame: bytes, envelopes: Sequence[Envelope]) -> None:
        """Pass one frame to the child; `envelopes` are what `envelopes_of` found in it."""
        for envelope in envelopes:  # the waiters are known before the write
            if envelope.is_request:
                self._from_client.add(bytes(envelope.id))
                if envelope.method == "tools/call":
                    self._counts.uses[self._server] += 1
            elif envelope.is_response:
                self._from_child.remove(bytes(envelope.id))
            elif envelope.method == "notifications/cancelled":
                self._from_client.remove(cancelled_id(frame))  # need not be answered any more
        self._counts.frames_in += 1
        self._to_child(frames.one_line(frame))

    def child_wrote(self, chunk: bytes) -> bool:
        """Pass the lines that `chunk` completes to the client; return whether any was a frame."""
        spoke = False
        for line in self._lines.feed(chunk):
            spoke |= self._line(line)
        return spoke

    def child_ended(self) -> None:
        """Pass what the child wrote after its last newline."""
        if rest := self._lines.end():
            self._line(rest)
        self._from_child.take_all()

    def answer_all(self, error: MooringError) -> bool:
        """Give `error` to each request of the client that is in flight; return whether there was one."""
        ids = self._from_client.take_all()
        for id_text in ids:
            self._answer(id_text, error)
        return bool(ids)

    def refuse(self, envelopes: Sequence[Envelope], error: MooringError) -> None:
        """Say in band why a frame of the client was not passed; no envelopes: it is not JSON-RPC."""
        if isinstance(error, InvalidFrame):
            self._to_client(frames.error(b"null", error))
        for envelope in envelopes:
            if envelope.is_request:
                self._answer(bytes(envelope.id), error)
            elif isinstance(error, LimitReached):  # a dead child is told of otherwise
                what = envelope.method or "an answer"
                self._to_client(frames.log("warning", f"{what} was not delivered: {error.message}"))

    def refused(self, frame: bytes) -> None:
        """Answer for a frame that the way to the client does not carry."""
        self._report_too_large(envelopes_of(frame), len(frame))

    def _line(self, line: bytes | OverlongLine) -> bool:
        if isinstance(line, OverlongLine):  # dropped unread: whom it would have answered is unknown
            error = _too_large(line.size_bytes)
            self.answer_all(error)
            self._to_client(frames.log("error", error.message))
            return True
        if not line or line.isspace():
            return False
        try:
            envelopes = envelopes_of(line)
        except InvalidFrame:
            envelopes = ()
        if not any(envelope.id or envelope.method for envelope in envelopes):
            self._tail.add(line)  # text, or JSON that is not JSON-RPC: a structured log line
            return False
        self.has_spoken = True
        for envelope in envelopes:
            self._note_from_child(envelope, line)
        if len(line) > MAX_FRAME_BYTES:
            self._report_too_large(envelopes, len(line))
            return True
        if self._repeats:
            for envelope in envelopes:
                if envelope.is_response:
                    self._repeats.answered(bytes(envelope.id), line)
        self._counts.frames_out += 1
        self._to_client(line)
        return True

    def _note_from_child(self, envelope: Envelope, line: bytes) -> None:
        if envelope.is_response:
            self._from_client.remove(bytes(envelope.id))
        elif envelope.is_request:
            self._from_child.add(bytes(envelope.id))
        elif envelope.method == "notifications/cancelled":
            self._from_child.remove(cancelled_id(line))

    def _report_too_large(self, envelopes: Sequence[Envelope], size_bytes: int) -> None:
        """Tell whoever waits for the frame; tell the client of one that nobody waits for."""
        error = _too_large(size_bytes)
        for envelope in envelopes:
            if envelope.is_response:
                self._answer(bytes(envelope.id), error)
                continue
            if envelope.is_request:
                self._from_child.remove(bytes(envelope.id))
                self._to_child(frames.error(bytes(envelope.id), error))
            self._to_client(frames.log("warning", f"{envelope.method} was not delivered: {error.message}"))

    def _answer(self, id_text: bytes, error: MooringError) -> None:
        frame = frames.error(id_text, error)
        if self._repeats:
            self._repeats.answered(id_text, frame)
        self._to_client(frame)


def envelopes_of(frame: bytes) -> Sequence[Envelope]:
    """Return the envelopes of the messages in a frame, one unless it is a batch; raises InvalidFrame."""
    found = peek(frame)
    return found if isinstance(found, list) else (found,)


def _too_large(size_bytes: int) -> FrameTooLarge:
    return FrameTooLarge(
        f"the server's message has {size_bytes} bytes and a WebSocket message carries at most "
        f"{MAX_FRAME_BYTES}; Streamable HTTP carries it",
        {"bytes": size_bytes, "limitBytes": MAX_FRAME_BYTES},
    )
