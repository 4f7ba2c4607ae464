"""From an HTTP answer that is a refusal to the error it stands for (no I/O)."""

import json
from http import HTTPStatus

from mooring import errors
from mooring.errors import MooringError

_BY_STATUS: dict[int, type[MooringError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.ServerNotFound,
    409: errors.NotDeployed,
    413: errors.FrameTooLarge,
    422: errors.InvalidRequest,
    429: errors.LimitReached,
    503: errors.WorkerUnavailable,
}


def refusal(status: int, body: bytes, retry_after: str | None = None) -> MooringError:
    """Return the error whose `as_http` gave `body`; the one that fits `status` best when something else did.

    What stands before Mooring (API Gateway, CloudFront, a proxy) answers with bodies of its own. Seconds in
    `retry_after`, the header, are in the error's data as `retryAfterSeconds`.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    kind = _named(answer.pop("error", None)) or _BY_STATUS.get(status, MooringError)
    message = answer.pop("message", None)
    if retry_after and retry_after.isdecimal():  # a date, the other form, is nothing Mooring sends
        answer.setdefault("retryAfterSeconds", int(retry_after))
    return kind(message if isinstance(message, str) else _meaning(status), answer or None)


def _named(name: object) -> type[MooringError] | None:
    found = getattr(errors, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, MooringError) else None


def _meaning(status: int) -> str:
    try:
        return f"refused with HTTP status {status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return f"refused with HTTP status {status}"
