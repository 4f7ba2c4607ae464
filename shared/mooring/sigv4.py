"""AWS Signature Version 4 for the hot path.

botocore signs too, at ten times the CPU and at 140 ms of import (`docs/decisions`): the relay signs one
request per frame, so it has its own forty lines, checked against botocore's signer in the tests.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


class Signer:
    """Signs requests to one service in one region; the day's signing key is derived once."""

    def __init__(self, credentials: Credentials, region: str, service: str) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._day = ""
        self._key = b""
        self._scope = ""

    def use(self, credentials: Credentials) -> None:
        """Sign with these from now on: the old ones expire."""
        self._credentials = credentials
        self._day = ""

    def headers(
        self,
        method: str,
        host: str,
        path: str,
        body: bytes,
        extra: Mapping[str, str] | None = None,
        *,
        at: float | None = None,
    ) -> dict[str, str]:
        """Return the headers to send: `extra`, `host`, the date, the token and the signature.

        `path` is the canonical path: percent-encoded twice where the service wants it (all but S3) and
        without a query. `at` is the time of the request in seconds since the epoch, for tests.
        """
        stamp = _stamp(int(time.time() if at is None else at))
        signed = {name.lower(): value for name, value in (extra or {}).items()}
        signed["host"] = host
        signed["x-amz-date"] = stamp
        if self._credentials.session_token:
            signed["x-amz-security-token"] = self._credentials.session_token
        names = sorted(signed)
        signed_names = ";".join(names)
        canonical = "\n".join(
            (
                method,
                path,
                "",
                *(f"{name}:{signed[name].strip()}" for name in names),
                "",
                signed_names,
                hashlib.sha256(body).hexdigest(),
            )
        )
        self._derive(stamp[:8])
        signature = self._signature(stamp, canonical)
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={self._credentials.access_key}/{self._scope}, "
            f"SignedHeaders={signed_names}, Signature={signature}"
        )
        return signed

    def query(
        self,
        method: str,
        host: str,
        path: str,
        seconds: int,
        headers: Mapping[str, str] | None = None,
        *,
        at: float | None = None,
    ) -> str:
        """Return the query of a URL that lets who knows it make one request within `seconds`, to S3.

        `path` is as in the URL. The request is sent with exactly `headers`; nothing is said of its body.
        """
        stamp = _stamp(int(time.time() if at is None else at))
        self._derive(stamp[:8])
        signed = {"host": host, **{name.lower(): value for name, value in (headers or {}).items()}}
        names = sorted(signed)
        fields = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self._credentials.access_key}/{self._scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(names),
        }
        if self._credentials.session_token:
            fields["X-Amz-Security-Token"] = self._credentials.session_token
        query = "&".join(f"{name}={quote(fields[name], safe='')}" for name in sorted(fields))
        canonical = "\n".join(
            (
                method,
                path,
                query,
                *(f"{name}:{signed[name].strip()}" for name in names),
                "",
                ";".join(names),
                "UNSIGNED-PAYLOAD",
            )
        )
        return f"{query}&X-Amz-Signature={self._signature(stamp, canonical)}"

    def _signature(self, stamp: str, canonical: str) -> str:
        text = f"{_ALGORITHM}\n{stamp}\n{self._scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def _derive(self, day: str) -> None:
        if day == self._day:
            return
        key = f"AWS4{self._credentials.secret_key}".encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = key
        self._scope = f"{day}/{self._region}/{self._service}/aws4_request"
        self._day = day


@lru_cache(maxsize=2)  # one text serves all requests of a second
def _stamp(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
