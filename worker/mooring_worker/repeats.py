"""Tells a frame that a client sends again from one that it sends (no I/O, no clock).

A client that resumes cannot know which of its last frames arrived, so it sends again every request without an
answer, and the other frames of its last half minute. Here is known what did arrive. The copies may overtake
each other, too: the first one, delayed in its function, may come after the second.

* A request is a repeat while one with its id and method is in flight: the answer will come. It is one as well
  when it came before on another connection, byte for byte, and was answered: the answer is on its way, or is
  given again where the client had it already (a client that crashed).
* Any other frame is a repeat of an equal one that came on another connection, once for each of those.
* A session is initialized once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from mooring.envelope import Envelope, cancelled_id, spelling

_KEPT_ANSWERS = 256
_KEPT_OTHERS = 256  # `mooring.client` sends no more than its last 256 again
_KEPT_CONNECTIONS = 8  # a frame that comes later than seven resumptions is from long ago, whichever it was
_SAID_AGAIN_SECONDS = 35.0  # a client says again what it said up to 30 s before it last heard from us
_REPEATS_END_SECONDS = 60.0  # after it came back; what comes then is meant anew
_INITIALIZE = "initialize"
_INITIALIZED = "notifications/initialized"
_CANCELLED = "notifications/cancelled"


@dataclass(slots=True, eq=False)
class _Request:
    method: str
    digest: bytes
    turn: int
    answer: bytes | None = None
    """None before it is answered, and when it was cancelled."""
    is_received: bool = False
    """The client has had the answer."""


@dataclass(slots=True, eq=False)
class _Other:
    turn: int
    came_at: float


class Repeats:
    """Of one session, which began on `connection`. Answers are kept within `limit_bytes`.

    The connections of a session take turns: the first is turn 1, and an unknown one is older than all.
    """

    __slots__ = (
        "_answered",
        "_answered_bytes",
        "_in_flight",
        "_initialized_in",
        "_limit_bytes",
        "_others",
        "_others_kept",
        "_resumed_at",
        "_turn",
        "_turns",
    )

    def __init__(self, connection: str, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._turn = 1
        self._turns = {connection: 1}
        self._resumed_at = float("-inf")
        self._in_flight: dict[bytes, _Request] = {}
        self._answered: dict[bytes, _Request] = {}
        self._answered_bytes = 0
        self._others: dict[bytes, list[_Other]] = {}
        self._others_kept = 0
        self._initialized_in = 0

    def take(
        self, frame: bytes, envelopes: Sequence[Envelope], connection: str, now: float
    ) -> list[bytes] | None:
        """Return None for a new frame, which is remembered; for a repeat, the answers to give again."""
        turn = self._turns.get(connection, 0) if connection else self._turn
        digest = blake2b(frame, digest_size=16).digest()
        requests = {
            spelling(bytes(envelope.id)): envelope.method
            for envelope in envelopes
            if envelope.is_request and envelope.id != b"null"
        }
        if requests:
            return self._take_requests(requests, digest, turn)
        methods = {envelope.method for envelope in envelopes}
        if _INITIALIZED in methods:
            self._initialized_in = self._initialized_in or turn
            if turn != self._initialized_in:
                return []
        if self._is_said_again(digest, turn, now):
            return []
        if _CANCELLED in methods:
            self._settle(spelling(cancelled_id(frame)), None)  # it need not be answered any more
        return None

    def answered(self, id_text: bytes, frame: bytes) -> None:
        """Note that `frame`, which the client is sent, answers the request with this id."""
        self._settle(spelling(id_text), frame)

    def resumed(self, connection: str, coming: Iterable[bytes], heard_at: float, now: float) -> None:
        """Note that the client is back on `connection` and will be sent the frames `coming`.

        It has had every other answer; the last thing it heard before was sent at `heard_at`.
        """
        if connection not in self._turns:
            self._turn += 1
            self._turns[connection] = self._turn
            if len(self._turns) > _KEPT_CONNECTIONS:
                del self._turns[next(iter(self._turns))]
        self._resumed_at = now
        on_the_way = set(coming)
        for request in self._answered.values():
            request.is_received = request.answer not in on_the_way
        self._forget_others(heard_at - _SAID_AGAIN_SECONDS)

    def clear(self) -> None:
        """Forget everything: nobody comes back."""
        self._in_flight.clear()
        self._answered.clear()
        self._answered_bytes = 0
        self._others.clear()
        self._others_kept = 0

    def _take_requests(self, requests: dict[bytes, str], digest: bytes, turn: int) -> list[bytes] | None:
        known = [self._known(key, method, digest, turn) for key, method in requests.items()]
        repeated = [request for request in known if request]
        if len(repeated) < len(requests):
            for key, method in requests.items():
                self._forget_answer(key)
                self._in_flight[key] = _Request(method, digest, turn)
            return None
        again: list[bytes] = []
        for request in repeated:
            if request.answer and request.is_received and request.turn < turn == self._turn:
                again.append(request.answer)  # the client asks for it, this is no delayed copy
            request.turn = max(request.turn, turn)
        if len(again) < len(requests):
            return []  # the rest of a batch is on its way: the client has kept what it has had
        for request in repeated:
            request.is_received = False
        return list(dict.fromkeys(again))

    def _known(self, key: bytes, method: str, digest: bytes, turn: int) -> _Request | None:
        request = self._in_flight.get(key)
        if request and request.method == method:
            return request
        request = self._answered.get(key)
        if request is None or request.method != method or request.turn == turn:
            return None  # a client may use an id again, if only on the same connection
        return request if request.digest == digest or method == _INITIALIZE else None

    def _settle(self, key: bytes, answer: bytes | None) -> None:
        request = self._in_flight.pop(key, None)
        if request is None:
            return
        request.answer = answer
        self._answered[key] = request
        self._answered_bytes += len(answer or b"")
        while len(self._answered) > _KEPT_ANSWERS or self._answered_bytes > self._limit_bytes:
            self._forget_answer(next(iter(self._answered)))

    def _forget_answer(self, key: bytes) -> None:
        request = self._answered.pop(key, None)
        if request and request.answer:
            self._answered_bytes -= len(request.answer)

    def _is_said_again(self, digest: bytes, turn: int, now: float) -> bool:
        for other in self._others.get(digest, ()):
            is_over = turn > other.turn and now > self._resumed_at + _REPEATS_END_SECONDS
            if other.turn != turn and not is_over:
                if turn > other.turn:
                    other.turn, other.came_at = turn, now
                return True
        self._others.setdefault(digest, []).append(_Other(turn, now))
        self._others_kept += 1
        if self._others_kept > _KEPT_OTHERS:
            self._forget_oldest_other()
        return False

    def _forget_oldest_other(self) -> None:
        digest = next(iter(self._others))
        others = self._others[digest]
        del others[0]
        self._others_kept -= 1
        if not others:
            del self._others[digest]

    def _forget_others(self, before: float) -> None:
        """Forget the frames that came before that time."""
        kept: dict[bytes, list[_Other]] = {}
        for digest, others in self._others.items():
            if recent := [other for other in others if other.came_at >= before]:
                kept[digest] = recent
        self._others = kept
        self._others_kept = sum(map(len, kept.values()))
