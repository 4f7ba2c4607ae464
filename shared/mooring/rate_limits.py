"""How many requests each key may make of the HTTP API, in any one instance of the function.

Each key has a bucket of a minute's requests, which fills again all the time. It is in the memory of the
process: the more instances there are, the more a key may do.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mooring.api_errors import answer
from mooring.errors import LimitReached
from mooring.settings import SettingsError

_WINDOW_SECONDS = 60
_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left after a request."""

    is_allowed: bool
    remaining: int
    wait_seconds: int
    """Until all of the quota is there again or, when the request is not allowed, until the next one is."""


class RateLimits:
    """The buckets of one process. Raises SettingsError for a number of requests under 1."""

    def __init__(self, requests_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        if requests_per_minute < 1:
            raise SettingsError("MOORING_KEY_REQUESTS_PER_MINUTE must be from 0; 0 is no limit")
        self.requests_per_minute = requests_per_minute
        self._per_second = requests_per_minute / _WINDOW_SECONDS
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key_id: str) -> Allowance:
        """Count a request of a key."""
        now, quota = self._clock(), self.requests_per_minute
        if key_id not in self._buckets and len(self._buckets) >= _BUCKETS:
            self._buckets.clear()
        bucket = self._buckets.setdefault(key_id, _Bucket(quota, now))
        bucket.tokens = min(quota, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.tokens < 1:
            return Allowance(False, 0, math.ceil((1 - bucket.tokens) / self._per_second))
        bucket.tokens -= 1
        return Allowance(True, int(bucket.tokens), math.ceil((quota - bucket.tokens) / self._per_second))


class LimitRate:
    """ASGI middleware inside of RequireKey: 429 to a key that asks too often.

    Every answer says what is left, in the headers of the IETF's draft ietf-httpapi-ratelimit-headers.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("state", {}).get("principal")
        if principal is None:  # an open path
            await self._app(scope, receive, send)
            return
        quota = self._limits.requests_per_minute
        left = self._limits.take(principal.key_id)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"key";q={quota};w={_WINDOW_SECONDS}'
                headers["RateLimit"] = f'"key";r={left.remaining};t={left.wait_seconds}'
            await send(message)

        if left.is_allowed:
            await self._app(scope, receive, send_with_headers)
            return
        error = LimitReached(
            f"this key may make {quota} requests a minute; try again in {left.wait_seconds} s",
            {"retryAfterSeconds": left.wait_seconds},
        )
        await answer(error)(scope, receive, send_with_headers)
