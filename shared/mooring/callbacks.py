"""How a worker without AWS credentials proves which session it speaks for (no I/O).

A session's key is derived from the platform's secret and the session's id, so nobody keeps it: whoever
knows the secret makes it again. The worker of a MicroVM gets that one key and no other.
"""

import hmac
from collections.abc import Mapping

from mooring.errors import Unauthorized

TIME_HEADER = "x-mooring-time"
SIGNATURE_HEADER = "x-mooring-signature"
WINDOW_SECONDS = 60
"""How far the time of a call may be from ours: a call that somebody recorded is good for no longer."""


def session_key(secret: str, session_id: str) -> bytes:
    """Return the key of a session; `secret` must not be empty."""
    assert secret, "MOORING_CALLBACK_SECRET is not set"
    return hmac.digest(secret.encode(), session_id.encode(), "sha256")


def bearer(key: bytes) -> str:
    """Return what callers of the session's worker prove themselves with: another text than any signature."""
    return hmac.digest(key, b"worker", "sha256").hex()


def signed(key: bytes, session_id: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of a call at `now`, in seconds since the epoch."""
    at = str(int(now))
    return {TIME_HEADER: at, SIGNATURE_HEADER: _signature(key, at, session_id, body)}


def check(secret: str, session_id: str, body: bytes, headers: Mapping[str, str], now: float) -> None:
    """Raise Unauthorized unless `headers` (names in lower case) are those of a call of this session now."""
    at = headers.get(TIME_HEADER, "")
    signature = headers.get(SIGNATURE_HEADER, "")
    expected = _signature(session_key(secret, session_id), at, session_id, body)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise Unauthorized(f"{SIGNATURE_HEADER} is missing or wrong")
    if not at.isascii() or not at.isdecimal() or abs(now - int(at)) > WINDOW_SECONDS:
        raise Unauthorized(f"{TIME_HEADER} must be within {WINDOW_SECONDS} seconds of the present time")


def _signature(key: bytes, at: str, session_id: str, body: bytes) -> str:
    return hmac.digest(key, f"{at}\n{session_id}\n".encode() + body, "sha256").hex()
