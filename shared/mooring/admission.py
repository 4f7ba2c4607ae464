"""What becomes of a handshake: the answer to it, and what is logged and counted of it."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from mooring import handshake
from mooring.errors import MooringError
from mooring.observability import about, logger, metrics

Event = dict[str, Any]


def answer(event: Event, open_session: Callable[[Event], bool]) -> handshake.Answer:
    """Answer `$connect`; `open_session` returns whether it has started a session, or raises why not."""
    began = perf_counter()
    about(connection_id=event["requestContext"]["connectionId"])
    try:
        is_new = open_session(event)
    except MooringError as error:
        logger.info("handshake refused", error=type(error).__name__)
        return _refusal(error)
    except Exception:
        logger.exception("handshake failed")
        return _refusal(MooringError("internal error"))
    milliseconds = round((perf_counter() - began) * 1000, 1)
    logger.info("connection opened", starts_session=is_new, milliseconds=milliseconds)
    if is_new:
        metrics.put(SessionStarts=1, StartLatency=milliseconds)
    return handshake.acceptance(event["headers"])


def _refusal(error: MooringError) -> handshake.Answer:
    metrics.error(error.http_status)
    return handshake.refusal(error)
