"""What a server is after a change: the rules of publishing, deleting and importing (no I/O)."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mooring.clock import iso8601
from mooring.errors import Conflict, Forbidden, PreconditionFailed, ServerNotFound
from mooring.keys import Principal
from mooring.names import display
from mooring.servers import Release, Server, release_item

HELD_DAYS = 30
"""How long nobody but its owner may use the name of a deleted server."""

# What a publisher who says nothing says. The rest stays: the release, the scan, who owns it, its badge.
_UNSAID: Mapping[str, Any] = {
    "description": "",
    "homepage": "",
    "repository": "",
    "license": "",
    "icon_url": "",
    "categories": (),
    "keywords": (),
    "remotes": (),
    "hosted_elsewhere": False,
    "packages": (),
    "config_schema": None,
    "stated_version": "",
    "source": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One server as it is put: `stated` are fields of `Server`."""

    qualified_name: str
    stated: Mapping[str, Any] = field(default_factory=dict)
    release: Release | None = None
    is_deleted: bool = False
    """In an import: it is gone where it comes from."""


class Kept(Conflict):
    """An import leaves a record alone; the text says why."""


def put(known: Server | None, entry: Entry, owner: str, now: float, version: int = 0) -> Server:
    """Return the server after `entry` was put on what is `known`; a tombstone is restored.

    `owner` and `version` are those of a new one.
    """
    if known is None:
        created = iso8601(now)
        known = Server(
            qualified_name=display(entry.qualified_name),
            display_name="",
            owner=owner,
            created_at=created,
            updated_at=created,
            version=version,
        )
    changes = {"display_name": known.qualified_name.partition("/")[2], **_UNSAID, **entry.stated}
    return replace(
        known,
        **changes,
        release=_current(known.release, entry.release, now),
        deleted_at=None,
        deleted_by_import=False,
    )


def bring(known: Server | None, entry: Entry, owner: str, now: float, *, overwrite: bool) -> Server:
    """Return the server after an import has brought `entry`; `owner` is that of a new one.

    Raises:
        Kept: the record is not of this import. `overwrite` takes it all the same.
        ServerNotFound: it is gone there, and was never here.
    """
    if known and not overwrite:
        _check_origin(known, entry)
    if not entry.is_deleted:
        return put(known, entry, owner, now)
    if known is None:
        raise ServerNotFound(f"{entry.qualified_name} was never imported")
    if known.deleted_at:
        return known
    return replace(known, deleted_at=iso8601(now), deleted_by_import=True)


def _check_origin(known: Server, entry: Entry) -> None:
    if known.source is None:
        raise Kept(f"{known.qualified_name} was published here")
    if _origin(known.source) != _origin(entry.stated.get("source")):
        raise Kept(f"{known.qualified_name} was imported from {known.source.get('registry')}")
    if known.claimed_at:
        raise Kept(f"{known.qualified_name} was claimed by its owner at {known.claimed_at}")
    if known.deleted_at and not known.deleted_by_import:
        raise Kept(f"{known.qualified_name} was deleted here at {known.deleted_at}")


def is_free(known: Server, by: Principal, now: float) -> bool:
    """Return whether `by` gets the name of a tombstone as if it had never been used.

    Raises:
        Conflict: it is held for its owner.
    """
    if by.may("admin") or by.id == known.owner or known.deleted_at is None:
        return False
    free_at = datetime.fromisoformat(known.deleted_at).timestamp() + HELD_DAYS * 86_400
    if now < free_at:
        raise Conflict(
            f"{known.qualified_name} was deleted; until {iso8601(free_at)} its name is held for its owner"
        )
    return True


def check_owner(known: Server, by: Principal) -> None:
    """Raise Forbidden unless `by` may change a server."""
    if not is_owner(known, by):
        raise Forbidden(f"{known.qualified_name} belongs to another principal")


def is_owner(known: Server, by: Principal) -> bool:
    """Return whether `by` may see and do what is the owner's; admins may."""
    return by.may("admin") or by.id == known.owner


def check_version(known: Server | None, expected: int | None) -> None:
    """Raise PreconditionFailed if the record is not the version that the caller has seen."""
    current = known.version if known and not known.deleted_at else 0
    if expected is not None and expected != current:
        raise PreconditionFailed(
            f'If-Match: the record is at version "{current}"; look at it again, then retry'
            if current
            else "If-Match: there is no such server"
        )


def _origin(source: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return tuple((source or {}).get(field) for field in ("registry", "name"))


def _current(known: Release | None, wanted: Release | None, now: float) -> Release | None:
    """Return the release to have after `wanted` was put: the known one when it is the same."""
    if wanted is None:
        return known
    if known and release_item(replace(wanted, id=known.id, created_at=known.created_at)) == release_item(
        known
    ):
        return known
    if wanted.id:  # it has been built here, and scanned under this id
        return wanted
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    return replace(wanted, id=f"{stamp}-{secrets.token_hex(4)}", created_at=iso8601(now))
