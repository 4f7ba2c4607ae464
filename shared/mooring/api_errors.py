"""The one shape of every error of the HTTP API: `{"error": "<Kind>", "message": "…", …}`.

Whatever goes wrong, in a route or before one is found, leaves through here. What was received is never
repeated: it may be a configuration.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from mooring.errors import InvalidRequest, MooringError
from mooring.observability import logger

Problem = dict[str, str]
"""Which `field` is wrong, and the `reason`: what it must be."""

_KINDS = {404: "NotFound", 405: "MethodNotAllowed"}
_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")


def install(app: FastAPI) -> None:
    """Make `app` answer every failure in the one shape."""
    app.add_exception_handler(MooringError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unexpected)


def answer(error: MooringError) -> JSONResponse:
    """Return the response that `error` is."""
    headers = {}
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.data and "retryAfterSeconds" in error.data:
        headers["Retry-After"] = str(error.data["retryAfterSeconds"])
    return JSONResponse(error.as_http(), error.http_status, headers)


def problems(errors: Sequence[Any], skip: int = 0) -> list[Problem]:
    """Return what pydantic found, in our words; the first `skip` steps to each place are left out."""
    return [{"field": _field(error["loc"][skip:]), "reason": _reason(error)} for error in errors]


def summary(problems: list[Problem]) -> str:
    """Return problems as one text."""
    return "; ".join(f"{problem['field']} {problem['reason']}" for problem in problems)


async def _answer_ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MooringError)
    return answer(error)


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = problems(error.errors(), skip=1)  # where it was found begins with "body" or "query"
    return answer(InvalidRequest(summary(found), {"errors": found}))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    messages = {
        404: f"there is no {request.method} {request.url.path}",
        405: f"{request.method} is not possible here",
    }
    body = {
        "error": _KINDS.get(error.status_code, "InvalidRequest"),
        "message": messages.get(error.status_code, error.detail),
    }
    headers = {**(error.headers or {}), **({"Allow": _allowed(request)} if error.status_code == 405 else {})}
    return JSONResponse(body, error.status_code, headers)


def _allowed(request: Request) -> str:
    """Return the methods of all routes that have the path; Starlette knows those of the first."""
    return ", ".join(
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    )


async def _answer_unexpected(request: Request, _error: Exception) -> JSONResponse:
    logger.exception("request failed", method=request.method)
    return JSONResponse({"error": "InternalError", "message": "something went wrong here; try again"}, 500)


def _field(location: Sequence[int | str]) -> str:
    """Return `release.launch.args.0` for where pydantic found a problem."""
    return ".".join(map(str, location)) or "the body"


def _reason(problem: dict[str, Any]) -> str:
    """Return what the field must be, from pydantic's message, which speaks of "Input", "String", …"""
    match problem["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a known field"
        case "json_invalid":
            return "is not valid JSON"
    subject, _, predicate = str(problem["msg"]).partition(" should ")
    return f"must {predicate}" if predicate else f"is not valid: {subject}"
