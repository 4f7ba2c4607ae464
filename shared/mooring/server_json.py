"""Servers as `server.json`, in which MCP registries pass them on, and their names there (no I/O).

https://github.com/modelcontextprotocol/registry, docs/reference: the form allows less than the catalog does.
"""

import re
from typing import Any

from mooring.servers import Document, Server

OFFICIAL = "io.modelcontextprotocol.registry/official"
OURS = "mooring/registry"
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

_GITHUB = "io.github."
_LONGEST_TEXT = 100  # of a description and a title
_LONGEST_ICON = 255
_NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
_HOST = re.compile(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9.-]+)")
_FORGES = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
_TRANSPORTS = {"http": "streamable-http", "sse": "sse"}  # it has no word for WebSocket


def official_name(server: Server) -> str | None:
    """Return what other registries call it; None: their form has no place for its name.

    An imported server keeps the name it had. One published here has its own, unless its namespace has a `_`.
    """
    name = ((server.source or {}).get("name") or server.qualified_name).removeprefix("@")
    return name if _NAME.fullmatch(name) and len(name) <= 200 else None


def candidates(name: str) -> tuple[str, ...]:
    """Return the names here that a server may have that other registries call `name`, best first."""
    return (name, name.removeprefix(_GITHUB)) if name.startswith(_GITHUB) else (name,)


def is_called(server: Server, name: str) -> bool:
    return (official_name(server) or "").lower() == name.lower()


def server_json(server: Server) -> Document:
    """Return what its publisher says about a server that has an `official_name`."""
    title = server.display_name[:_LONGEST_TEXT]
    document: Document = {
        "$schema": SCHEMA,
        "name": official_name(server),
        "title": title,
        "description": _shortened(server.description) or title,
        "version": server.version_name,
        "repository": _repository(server.repository),
        "websiteUrl": server.homepage,
        "icons": [{"src": server.icon_url}] if _is_icon(server.icon_url) else [],
        "packages": _packages(server),
        "remotes": [
            {**remote, "type": _TRANSPORTS[remote["type"]]}
            for remote in server.remotes
            if remote["type"] in _TRANSPORTS and not remote["url"].startswith("ws")
        ],
    }
    return {name: value for name, value in document.items() if value}


def entry(server: Server, *, is_latest: bool, is_deleted: bool) -> Document:
    """Return an entry of a list: the publisher's words, and apart from them what the registry knows."""
    status = "deleted" if is_deleted else "active"
    if not is_deleted and (server.source or {}).get("status") == "deprecated":
        status = "deprecated"
    official = {
        "status": status,
        "statusChangedAt": server.deleted_at or server.created_at,
        "publishedAt": server.release.created_at if server.release else server.created_at,
        "updatedAt": server.updated_at,
        "isLatest": is_latest,
    }
    ours = {
        "qualifiedName": server.qualified_name,
        "isDeployed": server.is_deployed,
        "hosting": server.hosting,
        "verified": server.verified,
        "description": server.description,
        "license": server.license,
        "categories": server.categories,
        "keywords": server.keywords,
    }
    return {"server": server_json(server), "_meta": {OFFICIAL: official, OURS: ours}}


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _repository(address: str) -> Document | None:
    host = _HOST.match(address)
    return {"url": address, "source": _FORGES.get(host[1].lower(), host[1])} if host else None


def _is_icon(address: str) -> bool:
    return address.startswith("https://") and len(address) <= _LONGEST_ICON


def _packages(server: Server) -> list[Document]:
    packages = [{"transport": {"type": "stdio"}, **package} for package in server.packages]
    kind, _, rest = ((server.release and server.release.package) or "").partition(":")
    if packages or not kind:
        return packages
    name, at, version = rest.rpartition("@")
    if not name:  # no version, or the @ of a scope
        name, at, version = rest, "", ""
    package: dict[str, Any] = {"registryType": kind, "identifier": name, "transport": {"type": "stdio"}}
    return [{**package, "version": version} if at else package]
