"""The official registry's read API: which page to ask for next, and what is on one (no I/O).

`GET /v0.1/servers?version=latest&limit&cursor&updated_since`. A run reads all pages; the next run asks for
what has changed since the one before began.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from mooring.errors import InvalidRequest

Document = dict[str, Any]

PAGE_SIZE = 100  # the registry's upper bound
_MARGIN_SECONDS = 600.0  # their clock may be ahead of or behind ours; what comes twice changes nothing


@dataclass(frozen=True, slots=True)
class Position:
    """How far the import from one registry has come; saved after every page."""

    since: str = ""
    """What the current run asks for: everything, or what has changed since then."""
    cursor: str = ""
    """Of the page to read next; empty: the first one of a run."""
    began_at: str = ""
    """When the current run read its first page; empty: no run is under way."""

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Position":
        """Return a saved position; the very beginning for what is none."""
        try:
            kept = json.loads(text)
            return cls(**{name: str(value) for name, value in kept.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Any]
    next_cursor: str
    """Empty on the last page."""


def registry(url: str) -> str:
    """Return the address of a registry: of `url`, which may be the one of its list, what is before `/v0.1`.

    Raises:
        InvalidRequest: it is no http(s) address, or one with a password in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest(f"{url} is no address of a registry; it begins with https://")
    if "@" in parts.netloc:
        raise InvalidRequest("the registry's address has a user name in it; its read API takes none")
    path = parts.path.rstrip("/").removesuffix("/servers").removesuffix("/v0.1").removesuffix("/v0")
    return f"{parts.scheme}://{parts.netloc}{path}"


def pages(
    read: Callable[[str], bytes], position: Position, now_seconds: float
) -> Iterator[tuple[Page, Position]]:
    """Yield each page that is left of a run, with the position after it.

    `read` returns the body of the list for a query. An interrupted run is taken up where it was.

    Raises:
        InvalidRequest: an answer is not one of this API.
    """
    is_resumed = bool(position.cursor)
    if not position.began_at:
        began_at = datetime.fromtimestamp(now_seconds - _MARGIN_SECONDS, UTC)
        position = replace(position, began_at=began_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    while True:
        resumed_at = position.cursor
        try:
            found = page(read(_query(position)))
        except InvalidRequest:
            if not is_resumed:
                raise
            found = page(read(_query(replace(position, cursor=""))))  # their cursors do not keep for ever
        is_resumed = False
        if found.next_cursor and found.next_cursor == resumed_at:
            raise InvalidRequest("the registry sends the same page for ever: its nextCursor stays the same")
        position = replace(position, cursor=found.next_cursor)
        if not found.next_cursor:
            position = Position(since=position.began_at)
        yield found, position
        if not found.next_cursor:
            return


def page(body: bytes) -> Page:
    """Return what is on a page.

    Raises:
        InvalidRequest: it is not an answer of this API.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the registry's answer is not JSON; give the address of its API") from error
    entries = document.get("servers") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidRequest("the registry's answer has no list `servers`; give the address of its API")
    metadata = document.get("metadata")
    cursor = metadata.get("nextCursor") if isinstance(metadata, dict) else None
    return Page(entries, cursor if isinstance(cursor, str) else "")


def _query(position: Position) -> str:
    wanted = {"version": "latest", "limit": str(PAGE_SIZE)}
    if position.since:
        wanted |= {"updated_since": position.since, "include_deleted": "true"}
    if position.cursor:
        wanted["cursor"] = position.cursor
    return urlencode(wanted)
