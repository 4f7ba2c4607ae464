"""Whether a principal, or a server, may have one more session, and how fast its frames may come (no I/O).

Sessions are counted where they are, so that no count can leak. Starts and frames leave traces that fade:
a minute, and a second. What other workers have of it comes with the order of each session.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

from mooring.envelope import Envelope
from mooring.errors import LimitReached
from mooring.limits import SCOPES, Limits, Scope, Use

Key = tuple[Scope, str]

_MINUTE_SECONDS = 60
_REPORTED = 500  # of each scope, the largest: with names of 200 letters that is half of what DynamoDB takes


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a session counts for: its principal, or its server."""

    scope: Scope
    name: str
    limits: Limits
    reported: Mapping[str, Use]
    """What workers have reported of it, by worker; this one knows better of itself."""

    @property
    def key(self) -> Key:
        return self.scope, self.name


class Starts:
    """Of the last minute. They are kept by the second: each counts for 60 to 61 seconds."""

    __slots__ = ("_by_second",)

    def __init__(self) -> None:
        self._by_second: dict[int, int] = {}  # in the order of time

    def add(self, now: float) -> None:
        self._forget_old(now)
        self._by_second[int(now)] = self._by_second.get(int(now), 0) + 1

    def count(self, now: float) -> int:
        self._forget_old(now)
        return sum(self._by_second.values())

    def seconds_until_fewer(self, by: int, now: float) -> int:
        """Return how long it takes until that many count no more; a minute when there are not as many."""
        self._forget_old(now)
        for second, count in self._by_second.items():
            by -= count
            if by <= 0:
                return math.ceil(second + _MINUTE_SECONDS + 1 - now)
        return _MINUTE_SECONDS

    def _forget_old(self, now: float) -> None:
        while self._by_second and (oldest := next(iter(self._by_second))) < int(now) - _MINUTE_SECONDS:
            del self._by_second[oldest]


class Frames:
    """A leaky bucket: it holds as many frames as may come in a second, and as many run out in a second."""

    __slots__ = ("_drained_at", "held")

    def __init__(self) -> None:
        self.held = 0.0
        self._drained_at = float("-inf")

    def drain(self, per_second: int, now: float) -> None:
        """Let go of what it could not hold, and of what has run out since."""
        self.held = max(0.0, min(self.held, per_second) - (now - self._drained_at) * per_second)
        self._drained_at = now

    def is_empty(self, now: float) -> bool:
        return now - self._drained_at >= 1.0


class Pace:
    """How fast the frames of one session may come: as fast as its principal and its server may send here."""

    __slots__ = ("_meters",)

    def __init__(self, meters: Sequence[tuple[Frames, int, Scope]]) -> None:
        self._meters = meters

    def take(self, envelopes: Sequence[Envelope], now: float) -> None:
        """Count a frame. A batch counts as its messages, but never as more than a second's worth.

        Raises:
            LimitReached: it has a request and came too fast; it is not counted. Other frames pass at any
                speed: nobody would answer for an answer or a cancellation that was dropped.
        """
        count = len(envelopes)
        for frames, allowed, scope in self._meters:
            frames.drain(allowed, now)
            if frames.held + min(count, allowed) > allowed and any(e.is_request for e in envelopes):
                what = f"more than {allowed} messages a second come {_FROM[scope]}"
                raise _refusal(scope, "frames_per_second", allowed, what, retry_after_seconds=1)
        for frames, _, _ in self._meters:
            frames.held += count


class Quotas:
    """Of one worker."""

    def __init__(self, worker_id: str) -> None:
        self._worker_id = worker_id
        self._tallies: dict[Key, tuple[Starts, Frames]] = {}

    def check(self, parties: Sequence[Party], live: Mapping[Key, int], now: float) -> None:
        """Find out whether all of `parties` may have another session; `live` counts those of this worker.

        Raises:
            LimitReached: one may not. `data` has `limit`, `allowed` and, of starts, `retryAfterSeconds`.
        """
        for party in parties:
            others = [use for worker, use in party.reported.items() if worker != self._worker_id]
            sessions = live.get(party.key, 0) + sum(use.sessions for use in others)
            allowed = party.limits.sessions
            if 0 < allowed <= sessions:
                what = f"{_HAS[party.scope]} {sessions} open sessions of {allowed}; end one"
                raise _refusal(party.scope, "sessions", allowed, what)
            self._check_starts(party, sum(use.starts for use in others), now)

    def start(self, parties: Sequence[Party], now: float) -> Pace | None:
        """Count the start of a session; return its pace, None if there is no limit to it."""
        meters = []
        for party in parties:
            starts, frames = self._tallies.setdefault(party.key, (Starts(), Frames()))
            starts.add(now)
            if party.limits.frames_per_second:
                meters.append((frames, party.limits.frames_per_second, party.scope))
        return Pace(meters) if meters else None

    def uses(self, live: Mapping[Key, int], now: float) -> dict[Scope, dict[str, Use]]:
        """Return what is to be reported, and forget whoever has left no trace."""
        uses: dict[Scope, dict[str, Use]] = {scope: {} for scope in SCOPES}
        for key, (starts, frames) in list(self._tallies.items()):
            use = Use(live.get(key, 0), starts.count(now))
            if any(use):
                uses[key[0]][key[1]] = use
            elif frames.is_empty(now):
                del self._tallies[key]
        return {scope: _largest(found) for scope, found in uses.items()}

    def _check_starts(self, party: Party, elsewhere: int, now: float) -> None:
        allowed = party.limits.starts_per_minute
        if not allowed:
            return
        starts, _ = self._tallies.get(party.key) or (Starts(), None)
        too_many = starts.count(now) + elsewhere + 1 - allowed
        if too_many > 0:
            what = f"{_HAS[party.scope]} {allowed} starts of sessions in the last minute, which is the most"
            raise _refusal(
                party.scope,
                "starts_per_minute",
                allowed,
                what,
                retry_after_seconds=starts.seconds_until_fewer(too_many, now),
            )


_HAS: dict[Scope, str] = {"principal": "the principal has", "server": "the server has, of all its users,"}
_FROM: dict[Scope, str] = {"principal": "from this principal", "server": "to this server, from all its users"}


def _refusal(
    scope: Scope, name: str, allowed: int, what: str, retry_after_seconds: int | None = None
) -> LimitReached:
    data: dict[str, str | int] = {"limit": f"{scope}_{name}", "allowed": allowed}
    if retry_after_seconds is None:
        return LimitReached(f"{what}, or ask the operator for a higher limit", data)
    return LimitReached(
        f"{what}; try again in {retry_after_seconds} s, or ask the operator for a higher limit",
        {**data, "retryAfterSeconds": retry_after_seconds},
    )


def _largest(uses: dict[str, Use]) -> dict[str, Use]:
    if len(uses) <= _REPORTED:
        return uses
    return dict(nlargest(_REPORTED, uses.items(), key=lambda item: item[1]))
