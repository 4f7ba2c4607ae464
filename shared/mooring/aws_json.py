"""Signed calls to AWS services that speak JSON, for functions that cannot afford boto3's start.

`boto3.client("dynamodb")` takes 300 ms of every cold start (`docs/decisions`). A client of this module takes
what boto3's takes and returns what boto3's returns, as far as Mooring uses it; `tests/integration/
test_aws_clients.py` holds both to the same cases.
"""

import base64
import json
import random
import time
from collections.abc import Mapping
from typing import Any

from mooring.origin import Origin
from mooring.settings import AwsSettings
from mooring.sigv4 import Credentials, Signer

_TIMEOUT_SECONDS = 3.0  # an answer takes milliseconds; another attempt is to fit into a function's 10 s
_PATIENCE_SECONDS = 5.0  # after that no attempt begins
_FIRST_BACKOFF_SECONDS = 0.025  # at most; the wait is a random part of it
_LONGEST_BACKOFF_SECONDS = 1.0

# What botocore's standard mode tries again: these, and the codes below under any status.
_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
_TRANSIENT_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


class AwsError(Exception):
    """A service refused a call; `code` is AWS's name of the error. A transient one has been tried again."""

    def __init__(self, code: str, message: str, *, is_transient: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.is_transient = is_transient


class AwsService:
    """`errors` are the codes that callers tell apart, each with the exception to raise for it."""

    def __init__(
        self,
        name: str,
        url: str,
        aws: AwsSettings,
        *,
        content_type: str,
        target_prefix: str,
        errors: Mapping[str, type[AwsError]],
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._origin = Origin(url, timeout_seconds=_TIMEOUT_SECONDS)
        self._path = self._origin.path or "/"
        credentials = Credentials(aws.access_key, aws.secret_key, aws.session_token)
        self._signer = Signer(credentials, aws.region, name)
        self._content_type = content_type
        self._target_prefix = target_prefix
        self._errors = errors
        self._patience_seconds = patience_seconds

    def call(self, operation: str, parameters: dict[str, Any]) -> bytes:
        """Make one call and return the answer's JSON; bytes in `parameters` are sent in base64.

        A call whose outcome is unknown is repeated, as boto3 repeats it: of a conditional write that has
        arrived, the second attempt reports that its condition no longer holds.

        Raises:
            AwsError: the service refused it, or has kept failing for `patience_seconds`.
            OSError: it could not be reached for as long.
        """
        body = json.dumps(parameters, default=_base64).encode()
        give_up_at = time.monotonic() + self._patience_seconds
        longest_seconds = _FIRST_BACKOFF_SECONDS
        while True:
            try:
                return self._attempt(operation, body)
            except (AwsError, OSError) as failure:
                is_final = isinstance(failure, AwsError) and not failure.is_transient
                wait_seconds = random.uniform(0, longest_seconds)
                if is_final or time.monotonic() + wait_seconds > give_up_at:
                    raise
            time.sleep(wait_seconds)
            longest_seconds = min(2 * longest_seconds, _LONGEST_BACKOFF_SECONDS)

    def _attempt(self, operation: str, body: bytes) -> bytes:
        content = {"content-type": self._content_type, "x-amz-target": f"{self._target_prefix}.{operation}"}
        headers = self._signer.headers("POST", self._origin.host, self._path, body, content)
        status, answer = self._origin.request("POST", self._path, body, headers)
        if status == 200:
            return answer
        code, message = _problem(status, answer)
        is_transient = status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES
        raise self._errors.get(code, AwsError)(code, message, is_transient=is_transient)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"AWS has no type for {type(value).__name__}")


def _problem(status: int, answer: bytes) -> tuple[str, str]:
    """Return code and message of an error, whose body is JSON unless something on the way wrote it."""
    try:
        said = json.loads(answer)
        code = said["__type"].rpartition("#")[2]
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(status), answer[:200].decode(errors="replace")
    return code, str(said.get("message") or said.get("Message") or "")
