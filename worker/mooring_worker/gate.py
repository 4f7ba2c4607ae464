"""Puts frames of a client back in order where the order matters (no I/O, no clock).

API Gateway calls one Lambda per frame: two frames may arrive in either order, seconds apart when one of the
functions is cold. What correlates by id does not mind. Two things do:

* Until `notifications/initialized` a server of the handshake protocols takes nothing but `initialize` and
  `ping`.
* A `notifications/cancelled` that overtakes its request cancels nothing.

So the gate holds what came too early. It holds no frame that came in its order, and nothing for good: who
drives it opens it after a bounded time. Clients of 2026-07-28 know no handshake, and some older ones forget
to say `initialized`.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import chain

from mooring.envelope import Envelope, cancelled_id, is_self_contained

_REMEMBERED_REQUESTS = 256
_INITIALIZE = "initialize"
_INITIALIZED = "notifications/initialized"
_CANCELLED = "notifications/cancelled"
_DISCOVER = "server/discover"

Held = tuple[bytes, Sequence[Envelope]]


class _State(Enum):
    UNKNOWN = auto()
    """Nothing has said yet which protocol this is."""
    GREETING = auto()
    """`initialize` has passed, `initialized` has not."""
    OPEN = auto()


class Gate:
    __slots__ = ("_early_cancels", "_held", "_seen", "_state", "held_bytes")

    def __init__(self) -> None:
        self.held_bytes = 0
        """0 when nothing is held."""
        self._state = _State.UNKNOWN
        self._held: list[Held] = []
        self._early_cancels: dict[bytes, list[Held]] = {}
        self._seen: dict[bytes, None] = {}

    def take(self, frame: bytes, envelopes: Sequence[Envelope]) -> list[Held]:
        """Return the frames that may pass now that `frame` has come, in the order to pass them."""
        if self._comes_too_early(frame, envelopes):
            self._hold((frame, envelopes))
            return []
        passing = [*self._pass((frame, envelopes))]
        if self._state is _State.OPEN:
            passing += self._release()
        return passing

    def open(self) -> list[Held]:
        """Return all that is held, and hold nothing for the handshake any more: enough time has passed."""
        self._state = _State.OPEN
        passing = self._release()
        passing += chain.from_iterable(self._early_cancels.values())
        self._early_cancels.clear()
        self.held_bytes = 0
        return passing

    def _comes_too_early(self, frame: bytes, envelopes: Sequence[Envelope]) -> bool:
        methods = {envelope.method for envelope in envelopes}
        if self._state is _State.UNKNOWN:
            if _INITIALIZE in methods:
                self._state = _State.GREETING
                if any(_says(held, _INITIALIZED) for held in self._held):
                    self._state = _State.OPEN
            elif _DISCOVER in methods or is_self_contained(frame):
                self._state = _State.OPEN
            else:
                return not methods <= {"", "ping"}  # "": an answer to the server
        elif self._state is _State.GREETING:
            if _INITIALIZED not in methods:
                return not methods <= {"", "ping", _INITIALIZE}
            self._state = _State.OPEN
        return methods == {_CANCELLED} and self._is_early(cancelled_id(frame))

    def _is_early(self, request_id: bytes) -> bool:
        return bool(request_id) and request_id not in self._seen

    def _hold(self, held: Held) -> None:
        frame, envelopes = held
        self.held_bytes += len(frame)
        request_id = cancelled_id(frame) if len(envelopes) == 1 and _says(held, _CANCELLED) else b""
        if self._is_early(request_id):
            self._early_cancels.setdefault(request_id, []).append(held)
        else:
            self._held.append(held)

    def _release(self) -> list[Held]:
        """Return what waited for the handshake: `initialized` first, whatever arrived before it."""
        waiting = sorted(self._held, key=lambda held: not _says(held, _INITIALIZED))  # stable
        self._held.clear()
        passing: list[Held] = []
        for held in waiting:
            self.held_bytes -= len(held[0])
            passing += self._pass(held)
        return passing

    def _pass(self, held: Held) -> Iterator[Held]:
        """Give a frame, and behind it the cancellation of its request that had overtaken it."""
        yield held
        for envelope in held[1]:
            if not envelope.is_request:
                continue
            request_id = bytes(envelope.id)
            self._remember(request_id)
            for cancel in self._early_cancels.pop(request_id, ()):
                self.held_bytes -= len(cancel[0])
                yield cancel

    def _remember(self, request_id: bytes) -> None:
        self._seen[request_id] = None
        if len(self._seen) > _REMEMBERED_REQUESTS:
            del self._seen[next(iter(self._seen))]


def _says(held: Held, method: str) -> bool:
    return any(envelope.method == method for envelope in held[1])
