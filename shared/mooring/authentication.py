"""Who calls the HTTP API: every request carries a key, and its principal is in `request.state`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mooring import keys
from mooring.api_errors import answer
from mooring.errors import Unauthorized
from mooring.keys import KeyTable, Principal, credential_from


class RequireKey:
    """ASGI middleware: 401 without a valid bearer key, on every path, known or not, but the `open_paths`.

    Those below `open_below` are open as well: their routes look themselves who calls.
    Only the header counts here: a key in a URL ends up in logs, and HTTP clients can all set a header.
    """

    def __init__(
        self, app: ASGIApp, keys: KeyTable, open_paths: frozenset[str], open_below: str | None = None
    ) -> None:
        self._app = app
        self._keys = keys
        self._open_paths = open_paths
        self._open_below = open_below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_open(scope["path"]):
            try:
                credential = credential_from(Headers(scope=scope), {})
                if credential is None:
                    raise Unauthorized("no API key: send the header Authorization: Bearer <key>")
                principal = self._keys.trusted(credential)
                if principal is None:
                    principal = await run_in_threadpool(self._keys.verify, credential)
            except Unauthorized as error:
                await answer(error)(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or (
            self._open_below is not None and path.startswith(self._open_below)
        )


async def _whoever(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _who_may(scope: keys.Scope) -> Callable[[Request], Awaitable[Principal]]:
    async def caller(request: Request) -> Principal:
        principal: Principal = request.state.principal
        principal.require(scope)
        return principal

    return caller


Anybody = Annotated[Principal, Depends(_whoever)]
Reader = Annotated[Principal, Depends(_who_may("read"))]
Caller = Annotated[Principal, Depends(_who_may("connect"))]
Publisher = Annotated[Principal, Depends(_who_may("publish"))]
Admin = Annotated[Principal, Depends(_who_may("admin"))]
