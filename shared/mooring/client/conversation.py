"""What a client has said and heard, whatever becomes of its sockets (no I/O).

    say -> next -> (socket) ... (socket) -> hear -> count     lose: a new socket, `next` starts over

Said again on a new socket, in the order said: every request without an answer, and every other message
that the lost socket may have swallowed. The server drops what it knows already. Frames are never changed.
"""

from collections import deque
from dataclasses import dataclass, field

import msgspec

from mooring.envelope import Envelope, cancelled_id, peek, spelling
from mooring.errors import InvalidFrame

REPEAT_SECONDS = 30.0  # how long before its last sign of life a socket may have lost what it took
MAX_REPEATS = 256  # as many as the server remembers to tell a repeat by

_NOBODY = b"null"  # the id of requests that nobody can tell apart


@dataclass(slots=True, eq=False)
class _Saying:
    frame: bytes
    number: int
    requests: dict[bytes, str] = field(default_factory=dict)
    """Those without an answer: their ids, and how they were spelled."""
    is_request: bool = False
    is_repeatable: bool = True
    sent_at: float | None = None

    @property
    def is_settled(self) -> bool:
        """It was sent, and nobody waits for an answer to it any more."""
        return self.is_request and not self.requests and self.sent_at is not None


class _Report(msgspec.Struct):
    """Says why a frame was not delivered; sent by what stands between the client and the session."""

    undelivered: bool = False


class _Error(msgspec.Struct):
    data: _Report = msgspec.field(default_factory=_Report)


class _Refusal(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class _GatewayFailure(msgspec.Struct):
    """What API Gateway itself says when it could not have a frame handled; not JSON-RPC."""

    message: str
    connectionId: str
    requestId: str


class Conversation:
    """One session seen by its client. `now` is in seconds, of any clock that only goes forward."""

    def __init__(self, received: int = 0) -> None:
        self.received = received
        """How many frames of the session have reached their reader since it began, on whatever socket."""
        self._is_counted_next = False
        self._numbers = 0
        self._waiting: deque[_Saying] = deque()
        self._requests: dict[bytes, _Saying] = {}
        self._others: deque[_Saying] = deque(maxlen=MAX_REPEATS)

    @property
    def unanswered(self) -> list[str]:
        """The JSON text of the id of every request without an answer, the oldest first."""
        sayings = sorted(set(self._requests.values()), key=lambda saying: saying.number)
        return [spelled for saying in sayings for spelled in saying.requests.values()]

    def say(self, frame: bytes) -> None:
        """Have `frame` sent, after everything said before."""
        self._numbers += 1
        saying = _Saying(frame, self._numbers)
        try:
            peeked = peek(frame)
        except InvalidFrame:
            saying.is_repeatable = False  # its only answer would have no id
        else:
            for envelope in peeked if isinstance(peeked, list) else [peeked]:
                self._note(saying, envelope)
        self._waiting.append(saying)

    def _note(self, saying: _Saying, envelope: Envelope) -> None:
        id_text = bytes(envelope.id)
        if envelope.is_request and id_text != _NOBODY:
            key = spelling(id_text)
            saying.is_request = True
            saying.requests[key] = id_text.decode()
            self._requests[key] = saying
        elif envelope.method == "notifications/cancelled":
            self._settle(cancelled_id(saying.frame))  # repeated, it might be carried out after all

    def next(self, now: float) -> bytes | None:
        """Return what is to be sent next on the present socket, or None; it counts as sent on that socket."""
        while self._waiting:
            saying = self._waiting.popleft()
            if saying.is_settled:
                continue
            saying.sent_at = now
            if saying.is_repeatable and not saying.is_request:
                self._others.append(saying)
            return saying.frame
        return None

    def hear(self, frame: bytes, now: float) -> bool:
        """Take note of a frame that arrived; return whether the session sent it, and not the way to it."""
        while self._others and (self._others[0].sent_at or 0.0) < now - REPEAT_SECONDS:
            self._others.popleft()
        is_numbered = True
        try:
            peeked = peek(frame)
        except InvalidFrame:
            pass
        else:
            is_numbered = not (isinstance(peeked, Envelope) and peeked.is_response and _is_undelivered(frame))
            for envelope in peeked if isinstance(peeked, list) else [peeked]:
                if envelope.is_response:
                    self._settle(bytes(envelope.id))
        self._is_counted_next = is_numbered
        return is_numbered

    def count(self) -> None:
        """The frame heard last has reached its reader."""
        self.received += self._is_counted_next
        self._is_counted_next = False

    def lose(self) -> None:
        """What the last socket may not have delivered is next again, before what still waits."""
        waiting = {saying.number for saying in self._waiting}
        sent = {saying for saying in self._requests.values() if saying.number not in waiting}
        self._waiting.extendleft(
            sorted(sent.union(self._others), key=lambda saying: saying.number, reverse=True)
        )
        self._others.clear()

    def _settle(self, id_text: bytes) -> None:
        key = spelling(id_text)
        saying = self._requests.pop(key, None)
        if saying:
            saying.requests.pop(key, None)


def is_gateway_failure(frame: bytes) -> bool:
    """Return whether API Gateway says by `frame` that it lost one; it does not say which."""
    if b'"connectionId"' not in frame:
        return False
    try:
        envelope = peek(frame)
        if isinstance(envelope, list) or envelope.id or envelope.method:
            return False
        msgspec.json.decode(frame, type=_GatewayFailure)
    except (InvalidFrame, msgspec.DecodeError):
        return False
    return True


def _is_undelivered(frame: bytes) -> bool:
    try:
        return b'"undelivered"' in frame and msgspec.json.decode(frame, type=_Refusal).error.data.undelivered
    except msgspec.DecodeError:
        return False
