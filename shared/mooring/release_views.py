"""A release as the API shows it: the fields that Smithery's clients read, and what is known beyond them."""

from typing import Any

from mooring.release_table import ReleaseTable
from mooring.releases import Document, ReleaseRecord
from mooring.servers import Server
from mooring.url import connect_url

View = dict[str, Any]
_SECRET_FREE = ("type", "url", "ref", "folder", "spec", "name", "sha256")


class ReleaseViews:
    def __init__(self, table: ReleaseTable, ws_url: str) -> None:
        self._table = table
        self._ws_url = ws_url

    def accepted(self, server: Server, record: ReleaseRecord) -> View:
        return {
            "deploymentId": record.id,
            "id": record.id,
            "status": record.status,
            "mcpUrl": self._url(server, record),
            "warnings": [],
        }

    def page(self, server: Server, records: list[ReleaseRecord], page: int, page_size: int) -> View:
        shown = records[(page - 1) * page_size : page * page_size]
        return {
            "releases": [self.listed(server, record) for record in shown],
            "pagination": {
                "currentPage": page,
                "pageSize": page_size,
                "totalPages": max(-(-len(records) // page_size), 1),
                "totalCount": len(records),
            },
        }

    def listed(self, server: Server, record: ReleaseRecord) -> View:
        source = record.source
        return {
            "id": record.id,
            "type": record.type,
            "status": record.status,
            "stage": record.stage,
            "isCurrent": _is_current(server, record),
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
            "source": {name: source[name] for name in _SECRET_FREE if source.get(name)},
            "branch": source.get("ref") or None,
            "commit": record.commit or None,
            "commitMessage": None,
            "mcpUrl": self._url(server, record),
            "upstreamUrl": source.get("url") if source["type"] == "external" else None,
            "isCached": record.is_cached,
            "reason": record.reason or None,
            "bundle": record.release.bundle if record.release else None,
            "launch": record.release.launch if record.release else None,
            "configSchema": record.release.config_schema if record.release else None,
            "surface": record.surface or None,
            "protocolVersion": record.protocol_version or None,
            "offers": _counts(record.offers),
            "error": record.error,
        }

    def detailed(self, server: Server, record: ReleaseRecord, after: int = 0) -> View:
        """Return a release with its log, or what came `after` so many lines of that."""
        lines, following = self._table.lines(server.name, record.id, after)
        changes = {"changes": record.changes}
        return {**self.listed(server, record), **changes, "logs": lines, "nextLine": following}

    def _url(self, server: Server, record: ReleaseRecord) -> str:
        if record.source["type"] == "external":
            return str(record.source["url"])
        return connect_url(self._ws_url, server.qualified_name)


def _is_current(server: Server, record: ReleaseRecord) -> bool:
    if record.source["type"] == "external":
        return record.status == "SUCCESS" and any(
            remote.get("url") == record.source["url"] for remote in server.remotes
        )
    return bool(server.release and server.release.id == record.id)


def _counts(offers: Document | None) -> Document | None:
    return None if offers is None else {name: len(items) for name, items in offers.items()}
