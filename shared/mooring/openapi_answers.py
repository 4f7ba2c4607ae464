"""What the routes of the HTTP API answer, as JSON Schemas by method and path (no I/O).

They describe answers and check none: answers may gain fields at any time.
"""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}
_TIME: Schema = {"type": "string", "format": "date-time"}


def _null_or(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _all_of(properties: Schema) -> Schema:
    """Return the schema of an object that has all of these, and maybe more."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _page(noun: str, item: Schema) -> Schema:
    numbers = dict.fromkeys(("currentPage", "pageSize", "totalPages", "totalCount"), _COUNT)
    page = _all_of({noun: _list(item), "pagination": _all_of(numbers)})
    unknown = {**_list(_TEXT), "description": "Filters in `q` that nobody knows; they filtered nothing."}
    return {**page, "properties": {**page["properties"], "unknownFilters": unknown}}


_ENTRY_PROPERTIES: Schema = {
    "qualifiedName": _TEXT,
    "displayName": _TEXT,
    "description": _TEXT,
    "homepage": _TEXT,
    "useCount": {"type": "string", "pattern": "^[0-9]+$"},
    "isDeployed": _FLAG,
    "createdAt": _TIME,
    "id": _TEXT,
    "namespace": _TEXT,
    "slug": _TEXT,
    "owner": _null_or(_TEXT),
    "iconUrl": _null_or(_TEXT),
    "verified": _FLAG,
    "remote": _FLAG,
    "hosting": {"enum": ["here", "elsewhere", None]},
    "score": _null_or({"type": "number"}),
}
# Those that are asked for with `fields`, otherwise all.
_SOME_OF_ENTRY: Schema = {"type": "object", "properties": _ENTRY_PROPERTIES}
_CONNECTION: Schema = {
    "type": "object",
    "properties": {
        "type": {"enum": ["ws", "http", "sse", "stdio"]},
        "url": _TEXT,
        "package": _TEXT,
        "configSchema": _OBJECT,
    },
    "required": ["type", "configSchema"],
}
_SERVER = _all_of(
    {
        **_ENTRY_PROPERTIES,
        "deploymentUrl": _null_or(_TEXT),
        "connections": _list(_CONNECTION),
        "repository": _TEXT,
        "license": _TEXT,
        "categories": _list(_TEXT),
        "keywords": _list(_TEXT),
        "version": _TEXT,
        "remotes": _list(_OBJECT),
        "packages": _list(_OBJECT),
        "source": _null_or(_OBJECT),
        "unlisted": _FLAG,
        "isolated": _FLAG,
        "updatedAt": _TIME,
        "tools": _null_or(_list(_OBJECT)),
        "prompts": _null_or(_list(_OBJECT)),
        "resources": _null_or(_list(_OBJECT)),
        "surface": _null_or(_TEXT),
    }
)
_TOOL = _all_of(
    {
        "server": _TEXT,
        "name": _TEXT,
        "description": _TEXT,
        "inputSchema": _null_or(_OBJECT),
        "score": _null_or({"type": "number"}),
        "matched": _list(_TEXT),
    }
)
_KEY_PROPERTIES: Schema = {
    "id": _TEXT,
    "name": _TEXT,
    "prefix": _TEXT,
    "role": _null_or(_TEXT),
    "scopes": _list({"enum": ["read", "connect", "publish", "admin"]}),
    "principal": _TEXT,
    "createdAt": _TIME,
    "expiresAt": _null_or(_TIME),
    "lastUsedAt": _null_or(_TIME),
    "revokedAt": _null_or(_TIME),
}
_LOGS = _all_of(
    {
        "lines": _list(_OBJECT),
        "cursor": _TEXT,
        "more": _FLAG,
        "lost": _FLAG,
        "sessions": _COUNT,
        "servers": _list(_TEXT),
        "silent": _list(_TEXT),
        "gone": _list(_TEXT),
    }
)
_OUTCOME = _all_of(
    {
        "qualifiedName": _null_or(_TEXT),
        "outcome": {"enum": ["created", "updated", "unchanged", "deleted", "kept", "invalid"]},
    }
)
_OFFICIAL_ENTRY = _all_of({"server": _all_of({"name": _TEXT, "version": _TEXT}), "_meta": _OBJECT})
_OFFICIAL_LIST = _all_of(
    {
        "servers": _list(_OFFICIAL_ENTRY),
        "metadata": {
            "type": "object",
            "properties": {"count": _COUNT, "nextCursor": _TEXT},
            "required": ["count"],
        },
    }
)
_UPLOAD = _all_of({"method": _TEXT, "url": _TEXT, "headers": _OBJECT, "expiresInSeconds": _COUNT})
_CHALLENGE = _all_of(
    {
        "method": {"enum": ["file", "dns", "well-known", "operator"]},
        "token": _null_or(_TEXT),
        "expiresAt": _TIME,
        "where": _null_or(_TEXT),
        "content": _null_or(_TEXT),
        "instructions": _TEXT,
    }
)
_CLAIM = _all_of(
    {"server": _TEXT, "principal": _TEXT, "message": _TEXT, "createdAt": _TIME, "expiresAt": _TIME}
)
_SELF = _all_of({"principal": _TEXT, "keyId": _TEXT, "scopes": _list(_TEXT), "namespaces": _list(_TEXT)})
_NAMED = _all_of({"name": _TEXT})

ANSWERS: dict[tuple[str, str], Schema] = {
    ("get", "/_/health"): _all_of({"status": _TEXT}),
    ("get", "/servers"): _page("servers", _SOME_OF_ENTRY),
    ("get", "/tools"): _page("tools", _TOOL),
    ("get", "/servers/{owner}/{name}"): _SERVER,
    ("put", "/servers/{owner}/{name}"): _SERVER,
    ("patch", "/servers/{owner}/{name}"): _SERVER,
    ("post", "/servers/{owner}/{name}/transfer"): _SERVER,
    ("post", "/servers/{owner}/{name}/claims"): _CHALLENGE,
    ("post", "/servers/{owner}/{name}/claims/verify"): _SERVER,
    ("post", "/servers/{owner}/{name}/claims/approve"): _SERVER,
    ("get", "/claims"): _all_of({"claims": _list(_CLAIM)}),
    ("get", "/whoami"): _SELF,
    ("post", "/servers/batch"): _all_of({"results": _list(_OUTCOME), "counts": _OBJECT}),
    ("get", "/servers/{owner}/{name}/logs"): _LOGS,
    ("get", "/sessions/{session_id}/logs"): _LOGS,
    ("get", "/namespaces"): _all_of({"namespaces": _list(_NAMED)}),
    ("get", "/bundles"): _all_of({"uploads": _FLAG, "workerPlatform": _null_or(_TEXT), "limitBytes": _COUNT}),
    ("post", "/bundles"): _all_of({"status": {"enum": ["exists", "wanted"]}, "upload": _null_or(_UPLOAD)}),
    ("get", "/keys"): _all_of({"keys": _list(_all_of(_KEY_PROPERTIES))}),
    ("post", "/keys"): _all_of({**_KEY_PROPERTIES, "key": _TEXT}),
    ("post", "/tickets"): _all_of({"ticket": _TEXT, "expiresInSeconds": _COUNT}),
    ("get", "/profiles"): _all_of({"profiles": _list(_NAMED)}),
    ("put", "/profiles/{name}"): _NAMED,
    ("get", "/v0.1/servers"): _OFFICIAL_LIST,
    ("get", "/v0.1/servers/{owner}/{name}/versions"): _OFFICIAL_LIST,
    ("get", "/v0.1/servers/{owner}/{name}/versions/{version}"): _OFFICIAL_ENTRY,
}
