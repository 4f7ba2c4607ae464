"""Check that a request was signed (SigV4) by the one key that may write to clients.

Children run on the same machine as the gateway and can reach its ports; the key is what they lack.
"""

import hmac
import re
import time
from datetime import datetime

from mooring.connections import canonical
from mooring.http1 import Request
from mooring.sigv4 import Credentials, Signer

_VALID_SECONDS = 5 * 60  # AWS: the date of a request may be off by five minutes

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\S+, SignedHeaders=(\S+), Signature=[0-9a-f]{64}"
)
# What the signer adds by itself.
_OWN_HEADERS = {"host", "x-amz-date"}


class Rejected(Exception):
    """`kind` is the AWS error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Verifier:
    def __init__(self, credentials: Credentials, region: str) -> None:
        self._access_key = credentials.access_key
        self._signer = Signer(
            Credentials(credentials.access_key, credentials.secret_key), region, "execute-api"
        )

    def verify(self, request: Request) -> None:
        """Raise Rejected unless the request as it arrived carries the signature of the key."""
        headers = request.headers
        authorization = headers.get("authorization", "")
        if not authorization:
            raise Rejected("MissingAuthenticationTokenException", "Missing Authentication Token")
        parts = _AUTHORIZATION.fullmatch(authorization)
        if not parts:
            raise Rejected("IncompleteSignatureException", "Authorization header is not a SigV4 signature")
        if parts[1] != self._access_key:
            raise Rejected(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        names = parts[2].split(";")
        signed = {name: headers.get(name, "") for name in names if name not in _OWN_HEADERS}
        path = canonical(request.target)
        expected = self._signer.headers(
            request.method, headers.get("host", ""), path, request.body, signed, at=_sent_at(headers)
        )
        if not hmac.compare_digest(
            expected["authorization"].replace(" ", ""), authorization.replace(" ", "")
        ):
            raise Rejected(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
            )


def _sent_at(headers: dict[str, str]) -> float:
    """Return when the request says it was sent, in seconds since the epoch."""
    try:
        sent_at = datetime.fromisoformat(headers.get("x-amz-date", "")).timestamp()
    except ValueError as error:
        raise Rejected("IncompleteSignatureException", "X-Amz-Date is missing or malformed") from error
    if abs(time.time() - sent_at) > _VALID_SECONDS:
        raise Rejected("InvalidSignatureException", "Signature expired or not yet current")
    return sent_at
