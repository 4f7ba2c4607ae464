"""What is kept of a release from the moment it is asked for: what was built, what it offers (no I/O).

A release goes through four stages: `deploy` makes a bundle of its source, `scan` starts it and lists what it
offers, `metadata` compares that with what is live, `publish` makes it the current one.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from mooring import documents
from mooring.dynamodb import Item, from_item, to_item
from mooring.keys import Scope
from mooring.servers import Release, Server, release_from_item, release_item

Document = dict[str, Any]
Status = Literal[
    "QUEUED",
    "WORKING",
    "SUCCESS",
    "FAILURE",
    "FAILURE_SCAN",
    "AUTH_REQUIRED",
    "AUTH_TIMEOUT",
    "CANCELLED",
    "INTERNAL_ERROR",
]
Stage = Literal["deploy", "scan", "metadata", "publish"]
Level = Literal["start", "end", "info", "success", "error"]
Kind = Literal["stdio", "external_shttp"]

STAGES: tuple[Stage, ...] = ("deploy", "scan", "metadata", "publish")
OVER: frozenset[Status] = frozenset(
    {"SUCCESS", "FAILURE", "FAILURE_SCAN", "AUTH_TIMEOUT", "CANCELLED", "INTERNAL_ERROR"}
)
"""Statuses that nothing follows, but for a retry."""
OFFERS = ("tools", "prompts", "resources")
AUTH_SECONDS = 86_400.0
"""How long a release waits for its publisher to authorise it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    server: str
    """`Server.name`."""
    id: str
    type: Kind = "stdio"
    status: Status = "QUEUED"
    stage: Stage = "deploy"
    source: Document
    """What it is made of: `{"type": "git" | "npm" | "pypi" | "upload" | "server.json" | "external", …}`."""
    principal: str
    """Who asked for it, with the `scopes` of that key: it is built and published on their behalf."""
    scopes: tuple[Scope, ...]
    created_at: str
    updated_at: str
    attempts: int = 0
    reason: str = ""
    """What the source was recognised as."""
    commit: str = ""
    is_cached: bool = False
    """Its bundle was there: the same input was built before."""
    release: Release | None = None
    """What was built; None until then."""
    offers: Document | None = None
    """What the scan has found: `tools`, `prompts`, `resources`, those that are declared."""
    surface: str = ""
    """Digest of what it offers."""
    changes: list[Document] | None = None
    """What differs from the release that was current when this one was scanned."""
    protocol_version: str = ""
    error: Document | None = None
    """Why it failed: `{"message", "advice", "details"}`, as far as there is something to say."""

    @property
    def is_over(self) -> bool:
        return self.status in OVER


_DOCUMENTS = ("source", "changes", "error")


def record_item(record: ReleaseRecord) -> Item:
    """Return the item of a record; raises InvalidRequest for a document that is not JSON."""
    values = {name: getattr(record, name) for name in ReleaseRecord.__dataclass_fields__}
    for name in _DOCUMENTS:
        if values[name] is not None:
            values[name] = documents.encode(values[name], name)
    offers, release = values.pop("offers"), values.pop("release")
    if offers is not None:  # large and all alike: a tenth is left
        values["offers"] = zlib.compress(documents.encode(offers, "offers").encode())
    item = to_item({**values, "item": record_key(record.id)})
    if release:
        item["release"] = {"M": release_item(release)}
    return item


def record_from_item(item: Item) -> ReleaseRecord:
    values = from_item(item)
    known = {name: values[name] for name in ReleaseRecord.__dataclass_fields__ if name in values}
    known |= {name: documents.decode(known[name]) for name in _DOCUMENTS if name in known}
    known["scopes"] = tuple(known["scopes"])
    if "offers" in known:
        known["offers"] = documents.decode(zlib.decompress(known["offers"]).decode())
    if "release" in known:
        known["release"] = release_from_item(known["release"])
    return ReleaseRecord(**known)


def record_key(release_id: str) -> str:
    return f"release#{release_id}"


def failed(record: ReleaseRecord, status: Status, error: Mapping[str, Any]) -> ReleaseRecord:
    """Return the record of a release that has come to an end that way."""
    return replace(record, status=status, error={name: text for name, text in error.items() if text})


def live(server: Server, record: ReleaseRecord) -> dict[str, Any]:
    """Return the changes of `server` that make a release the current one."""
    offers = record.offers or {}
    scanned = {name: offers.get(name) for name in OFFERS}
    if record.source["type"] == "external":
        remote = {"type": "http", "url": record.source["url"]}
        schema = record.source.get("configSchema") or server.config_schema
        return {**scanned, "remotes": (remote,), "config_schema": schema}
    return {**scanned, "release": record.release}
