"""One MCP session that finds out what a server offers and calls none of it. Importing this imports `mcp`."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
from mcp.client._probe import negotiate_auto
from mcp.client._transport import TransportStreams
from mcp.client.session import ClientSession
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import MCPError
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp_types import (
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
    Implementation,
    PaginatedRequestParams,
    PaginatedResult,
    RequestId,
)
from pydantic import BaseModel, ValidationError

from mooring.errors import MooringError, ScanFailed

DISCOVER_SECONDS = 3.0
"""A server of before 2026-07-28 may never answer `server/discover`; the SDK waits 10 s for it."""
PATIENT_DISCOVER_SECONDS = 10.0
MAX_PAGES = 100  # of each list
MAX_ITEMS = 10_000  # of all lists, as the next
MAX_BYTES = 4 * 1024 * 1024

MODERN_VERSION = "2026-07-28"
"""From this version of the protocol on there is no `initialize`."""

Era = Literal["modern", "legacy"]
Transport = AbstractAsyncContextManager[TransportStreams]

CONNECTION = "the connection"

_TOLD_PROBLEMS = 3
_UNSAID = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
_ABOUT_US = Implementation(name="mooring-scan", version="1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a server said of itself; `tools`, `prompts` and `resources` are None where it declares none."""

    era: Era
    """Of a card without a version: `legacy`."""
    protocol_version: str
    server_info: dict[str, Any]
    instructions: str = ""
    tools: list[dict[str, Any]] | None = None
    prompts: list[dict[str, Any]] | None = None
    resources: list[dict[str, Any]] | None = None
    """Templates too: those have a `uriTemplate` in place of a `uri`."""
    source: Literal["live", "card"] = "live"

    @property
    def offers(self) -> dict[str, list[dict[str, Any]]]:
        """The lists that it declares, as `PATCH /servers/{owner}/{name}` takes them."""
        lists = {"tools": self.tools, "prompts": self.prompts, "resources": self.resources}
        return {name: items for name, items in lists.items() if items is not None}


@dataclass(slots=True)
class Attempt:
    """How to ask for the era, and how far it came."""

    mode: Literal["auto", "legacy"] = "auto"
    is_patient: bool = False
    """Wait for the era as long as the SDK does."""
    waiting_for: str = CONNECTION
    """The method of the request that was sent last, once there is one."""
    is_settled: bool = False
    """The era is known."""
    was_silent: bool = False
    """`server/discover` was not answered in time."""
    first_error: MCPError | None = None
    """The answer to `server/discover`: where the server is gone, it alone may say how."""
    count: int = 0
    size: int = 0

    def take(self, items: list[dict[str, Any]]) -> None:
        """Count what was listed; raises ScanFailed when it is more than is kept."""
        self.count += len(items)
        self.size += sum(len(json.dumps(item)) for item in items)
        if self.count > MAX_ITEMS or self.size > MAX_BYTES:
            raise ScanFailed(
                f"the server lists more than {MAX_ITEMS:,} tools, prompts and resources, or more than "
                f"{MAX_BYTES:,} bytes of them: {self.count:,} of {self.size:,} bytes so far",
                {"advice": "List fewer: no client can show them all to its model"},
            )


async def listed(transport: Transport, attempt: Attempt) -> Scan:
    """Open a session and list what is offered; `attempt` is kept up to date, whatever happens.

    Raises:
        MooringError: the session was refused; ScanFailed: it lists more than is kept.
        MCPError: the server answered with an error, or the session ended.
        ValidationError, RuntimeError: it answered something that MCP does not allow.
        OSError: the host cannot be reached.
    """
    outcome: Scan | Exception | None = None
    try:
        async with transport as streams, _Session(streams, attempt) as session:
            try:
                await session.settle()
                outcome = await _read(session, attempt)
            except (MCPError, MooringError, ValidationError, RuntimeError) as error:
                outcome = error  # raised in here, it would come out in a group
    except ExceptionGroup as group:
        outcome = outcome or _first(group)
    assert outcome
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


class _Tolerant(JSONRPCDispatcher[Any]):
    """Takes for said what a server of 2026-07-28 leaves out of its lists, which the SDK insists on."""

    async def send_raw_request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        opts: CallOptions | None = None,
        *,
        _related_request_id: RequestId | None = None,
    ) -> dict[str, Any]:
        answer = await super().send_raw_request(method, params, opts, _related_request_id=_related_request_id)
        return {**_UNSAID, **answer} if method.endswith("/list") else answer


class _Session(ClientSession):
    """Asks for the era for as long as `attempt` says, and notes what it waits for."""

    def __init__(self, streams: TransportStreams, attempt: Attempt) -> None:
        super().__init__(dispatcher=_Tolerant(*streams), client_info=_ABOUT_US)
        self._attempt = attempt

    async def settle(self) -> None:
        """Find out the era: `server/discover`, and `initialize` after any other answer or none."""
        await (self.initialize() if self._attempt.mode == "legacy" else negotiate_auto(self))
        self._attempt.is_settled = True

    async def send_discover(self, version: str) -> dict[str, Any]:
        self._attempt.waiting_for = "server/discover"
        try:
            with anyio.fail_after(PATIENT_DISCOVER_SECONDS if self._attempt.is_patient else DISCOVER_SECONDS):
                return await super().send_discover(version)
        except TimeoutError:
            self._attempt.was_silent = True
            raise MCPError(REQUEST_TIMEOUT, "server/discover was not answered") from None
        except MCPError as error:
            self._attempt.first_error = error
            raise

    async def initialize(self) -> Any:
        self._attempt.waiting_for = "initialize"
        return await super().initialize()


async def _read(session: ClientSession, attempt: Attempt) -> Scan:
    declared = session.server_capabilities
    assert declared and session.protocol_version
    tools, prompts, resources = None, None, None
    if declared.tools:
        tools = await _items("tools/list", session.list_tools, "tools", attempt)
    if declared.prompts:
        prompts = await _items("prompts/list", session.list_prompts, "prompts", attempt)
    if declared.resources:
        resources = await _items("resources/list", session.list_resources, "resources", attempt)
        templates = session.list_resource_templates
        resources += await _items("resources/templates/list", templates, "resource_templates", attempt)
    about = session.server_info
    return Scan(
        era="modern" if session.discover_result else "legacy",
        protocol_version=session.protocol_version,
        server_info=plain(about) if about else {},
        instructions=session.instructions or "",
        tools=tools,
        prompts=prompts,
        resources=resources,
    )


async def _items(
    method: str, fetch: Callable[..., Awaitable[PaginatedResult]], name: str, attempt: Attempt
) -> list[dict[str, Any]]:
    attempt.waiting_for = method
    items: list[dict[str, Any]] = []
    seen: set[str] = set()
    cursor = None
    for _ in range(MAX_PAGES):
        try:
            page = await fetch(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        except MCPError as error:
            if error.code == METHOD_NOT_FOUND and not items:
                return []  # declared, and yet not there: most servers have no templates
            raise
        found = [plain(item) for item in getattr(page, name)]
        attempt.take(found)
        items += found
        cursor = page.next_cursor
        if not cursor or cursor in seen:
            return items
        seen.add(cursor)
    raise ScanFailed(
        f"{method} has not come to its end after {MAX_PAGES} pages",
        {"advice": "The last page must be without nextCursor"},
    )


def plain(item: BaseModel) -> dict[str, Any]:
    """Return what the SDK has read as it came: without what was not said."""
    described: dict[str, Any] = item.model_dump(mode="json", by_alias=True, exclude_none=True)
    return described


def problem(error: ValidationError | RuntimeError) -> str:
    """Return what is wrong with an answer: `tools.0.inputSchema Field required`."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))} {each['msg']}" for each in found[:_TOLD_PROBLEMS])
