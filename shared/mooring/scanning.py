"""Find out what a server offers: one that is hosted here, or one elsewhere. Nothing of it is ever called.

Importing this imports `mcp`.
"""

import asyncio
from collections.abc import Callable, Mapping

from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from mooring.client import websocket_transport
from mooring.client.patience import Patience
from mooring.errors import ChildExited, ConnectionGone, MooringError, SessionNotFound, from_jsonrpc
from mooring.http_scanning import scan_http
from mooring.listing import CONNECTION, Attempt, Scan, Transport, listed, problem
from mooring.scan_failures import explained, of_nonsense, of_silence

TIMEOUT_SECONDS = 60.0
"""A server may load a model before it answers for the first time."""
_PATIENCE = Patience(window_seconds=10.0)
_CONNECTION_CLOSED = -32000  # of the SDK: the session ended while a request was open

__all__ = ["Scan", "scan", "scan_http"]


async def scan(
    url: str | Callable[[], str], headers: Mapping[str, str], *, timeout_seconds: float = TIMEOUT_SECONDS
) -> Scan:
    """List what the server at a connect URL (`ws://`, `wss://`) offers.

    The first session asks for the era as the protocol has it. If the server ended by that, a second one
    begins with `initialize`; if it was silent, and then refused `initialize`, a second one waits longer. Give
    a function that returns the URL if that can be used once only.

    Raises:
        ScanFailed: it cannot be listed; `advice` is what to do, `needs` what it has to be given.
        MooringError: the session was refused for a reason that is not the server's.
        OSError: the host cannot be reached.
    """
    attempt = Attempt()
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            try:
                return await listed(_transport(url, headers), attempt)
            except (MCPError, MooringError) as error:
                again = _second_attempt(attempt, error)
                if again is None:
                    raise
                attempt = again
            return await listed(_transport(url, headers), attempt)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise of_silence(timeout_seconds, attempt.waiting_for) from error
    except (ValidationError, RuntimeError) as error:
        raise of_nonsense(problem(error), attempt.waiting_for) from error
    except (MCPError, MooringError) as error:
        raise explained(_told(error, attempt), attempt.waiting_for) from error


def _transport(url: str | Callable[[], str], headers: Mapping[str, str]) -> Transport:
    return websocket_transport(url if isinstance(url, str) else url(), headers=headers, patience=_PATIENCE)


def _second_attempt(attempt: Attempt, error: MCPError | MooringError) -> Attempt | None:
    """Return what to try after a session that came to no era; None: nothing that could help."""
    if attempt.is_settled or attempt.waiting_for == CONNECTION:
        return None
    failure = _told(error, attempt)
    if isinstance(failure, ChildExited | ConnectionGone | SessionNotFound):
        was_started = not isinstance(failure, ChildExited) or failure.data
        return Attempt(mode="legacy") if was_started else None
    return Attempt(is_patient=True) if attempt.was_silent else None


def _told(error: MCPError | MooringError, attempt: Attempt) -> MooringError:
    """Return Mooring's error for one of the SDK's; of two that a session ended by, the one that says how."""
    errors: list[MCPError | MooringError] = [error]
    if isinstance(error, MCPError) and attempt.first_error and not attempt.is_settled:
        errors = [attempt.first_error, error]
    told = [_ours(each) for each in errors]
    return next((each for each in told if isinstance(each, ChildExited)), told[-1])


def _ours(error: MCPError | MooringError) -> MooringError:
    if isinstance(error, MooringError):
        return error
    if error.code == _CONNECTION_CLOSED:
        return ConnectionGone(error.message)
    data = error.data if isinstance(error.data, dict) else None
    return from_jsonrpc({"code": error.code, "message": error.message, "data": data})
