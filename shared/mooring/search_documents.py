"""Servers of the catalog as the search index is given them (no I/O)."""

import re
from typing import Any

from mooring.search.document import Document, Tool
from mooring.server_views import card
from mooring.servers import Server

_REPOSITORY = re.compile(r"(?P<owner>[^/:]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


def is_found(server: Server) -> bool:
    """Return whether searches may find it at all."""
    return not server.deleted_at and not server.unlisted


def document(server: Server, calls: int = 0) -> Document:
    """Return what a server is found by; `calls` were counted here."""
    repository = _REPOSITORY.search(server.repository.lower())
    return Document(
        name=server.name,
        qualified_name=server.qualified_name,
        display_name=server.display_name,
        description=server.description,
        keywords=(
            *server.categories,
            *server.keywords,
            *_texts(server.prompts, "name"),
            *_texts(server.resources, "name"),
        ),
        tools=tuple(_tool(tool) for tool in server.tools or () if _text(tool, "name")),
        namespace=server.namespace,
        repo_owner=repository["owner"] if repository else "",
        repo_name=repository["name"] if repository else "",
        is_deployed=server.is_deployed,
        is_verified=server.verified,
        is_remote=server.is_remote,
        use_count=server.uses_elsewhere + calls,
        created_at=server.created_at,
        card=card(server),
    )


def _tool(tool: dict[str, Any]) -> Tool:
    schema = tool.get("inputSchema")
    return Tool(
        name=_text(tool, "name"),
        description=_text(tool, "description"),
        input_schema=schema if isinstance(schema, dict) else None,
    )


def _texts(listed: list[dict[str, Any]] | None, field: str) -> list[str]:
    return [text for one in listed or () if (text := _text(one, field))]


def _text(one: dict[str, Any], field: str) -> str:
    """Return a field that publishers fill with what they like."""
    value = one.get(field)
    return value if isinstance(value, str) else ""
