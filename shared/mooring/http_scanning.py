"""A scan of a server elsewhere, over Streamable HTTP; where that comes to nothing, its static server card."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Prompt, Resource, Tool
from pydantic import BaseModel, ValidationError

from mooring.errors import MooringError, ScanFailed
from mooring.listing import MODERN_VERSION, Attempt, Scan, listed, plain, problem
from mooring.public_http import USER_AGENT, PublicTransport
from mooring.scan_failures import explained, failed, of_answer, of_nonsense, of_silence, of_status

TIMEOUT_SECONDS = 30.0
CARD_SECONDS = 10.0
CARD = "/.well-known/mcp/server-card.json"
"""The card that has tools. The later one at `<url>/server-card` has none, and completes no scan."""

_KINDS: dict[str, type[BaseModel]] = {"tools": Tool, "prompts": Prompt, "resources": Resource}


async def scan_http(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    allow_private: bool = False,
) -> Scan:
    """List what the MCP server at `url` offers; `headers` are its scan credentials.

    Only `https` and public addresses are connected to unless `allow_private`, and no redirect to another host
    is followed.

    Raises:
        ScanFailed: neither the server nor its card says; `advice` is what to do, `needs` what to give it.
    """
    async with _client(headers or {}, allow_private) as client:
        try:
            return await _live(client, url, timeout_seconds)
        except ScanFailed as failure:
            # The card is public: scan credentials are for the server alone.
            async with _client({}, allow_private) as reader:
                card = await _card(reader, urljoin(url, CARD))
            if card is None:
                raise
            try:
                return _of_card(card)
            except (ScanFailed, ValidationError) as error:
                said = problem(error) if isinstance(error, ValidationError) else error.message
                raise failed(
                    f"{failure.message}; and {CARD} cannot be used: {said}",
                    failure.advice,
                    failure.needs,
                    failure.data,
                ) from error


@dataclass(slots=True)
class _Evidence:
    """The last answer to a POST."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    async def note(self, response: httpx2.Response) -> None:
        if response.request.method == "POST":  # the stream of a GET may be refused, says the protocol
            self.status, self.headers = response.status_code, response.headers


def _client(headers: Mapping[str, str], allow_private: bool) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={"User-Agent": USER_AGENT, **headers},
        transport=PublicTransport(allow_private=allow_private),
        follow_redirects=False,
        timeout=httpx2.Timeout(TIMEOUT_SECONDS),
    )


async def _live(client: httpx2.AsyncClient, url: str, timeout_seconds: float) -> Scan:
    evidence, attempt = _Evidence(), Attempt()
    client.event_hooks = {"response": [evidence.note]}
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            return await listed(streamable_http_client(url, http_client=client), attempt)
    except TimeoutError as error:
        assert limit.expired()
        raise of_silence(timeout_seconds, attempt.waiting_for) from error
    except ScanFailed:
        raise
    except httpx2.HTTPError as error:
        raise failed(
            f"{httpx2.URL(url).host} cannot be reached: {error or type(error).__name__}",
            "Check the address, its port and its certificate, from outside your own network",
        ) from error
    except (MCPError, MooringError, ValidationError, RuntimeError) as error:
        raise _explained(error, evidence, attempt) from error


def _explained(
    error: MCPError | MooringError | ValidationError | RuntimeError, evidence: _Evidence, attempt: Attempt
) -> ScanFailed:
    told = of_status(evidence.status, evidence.headers)
    if told:
        return told
    if isinstance(error, MCPError):
        return of_answer(error.message, error.data, attempt.waiting_for)
    if isinstance(error, MooringError):
        known = explained(error, attempt.waiting_for)
        return (
            known
            if isinstance(known, ScanFailed)
            else of_answer(error.message, error.data, attempt.waiting_for)
        )
    return of_nonsense(problem(error), attempt.waiting_for)


async def _card(client: httpx2.AsyncClient, url: str) -> dict[str, Any] | None:
    """Return the card as it is; None: there is none."""
    try:
        async with asyncio.timeout(CARD_SECONDS):
            answer = await client.get(url)
            card = answer.json() if answer.status_code == 200 else None
    except (httpx2.HTTPError, ScanFailed, TimeoutError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def _of_card(card: dict[str, Any]) -> Scan:
    """Return what a card says; raises ScanFailed or ValidationError where it is not one."""
    about = card.get("serverInfo")
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        raise ScanFailed("serverInfo.name is missing")
    if not isinstance(card.get("tools"), list):
        raise ScanFailed("it has no list of tools")
    attempt = Attempt()
    lists: dict[str, list[dict[str, Any]] | None] = {}
    for name, kind in _KINDS.items():
        items = card.get(name)
        lists[name] = None
        if isinstance(items, list):
            lists[name] = [plain(kind.model_validate(item)) for item in items]
            attempt.take(lists[name] or [])
    version = str(card.get("protocolVersion") or "")
    return Scan(
        era="modern" if version >= MODERN_VERSION else "legacy",
        protocol_version=version,
        server_info=about,
        instructions=str(card.get("instructions") or ""),
        **lists,
        source="card",
    )
