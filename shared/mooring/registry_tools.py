"""What agents ask of the registry, answered: its tools, without the protocol that carries them."""

from collections.abc import Iterable, Mapping
from typing import Any

from mooring import json_schema
from mooring.catalog import Catalog
from mooring.errors import InvalidRequest, ServerNotFound
from mooring.keys import Principal
from mooring.names import normalise
from mooring.registry_search import Answer, RegistrySearch
from mooring.registry_tool_schemas import DEFAULT_LIMIT, TOOLS
from mooring.search.query import Query, parse
from mooring.server_views import ServerViews, View
from mooring.servers import Server
from mooring.servers_api import is_visible

Document = dict[str, Any]

_SHOWN_CHARACTERS = 500  # of a description in a list; get_server has all of it
_LISTED = ("qualifiedName", "displayName", "description", "isDeployed", "verified", "useCount")
_DETAILED = (
    *_LISTED,
    *("homepage", "repository", "license", "version"),
    *("connections", "tools", "prompts", "resources", "surface"),
)
_TAKES = {tool["name"]: tool["inputSchema"] for tool in TOOLS}


class UnknownTool(Exception):
    """There is no tool of that name."""


class RegistryTools:
    """Calls block, and may come from any number of threads."""

    def __init__(self, catalog: Catalog, views: ServerViews, search: RegistrySearch) -> None:
        self._catalog = catalog
        self._views = views
        self._search = search

    def call(self, name: str, arguments: Document, reader: Principal) -> Document:
        """Return what a tool answers to `reader`.

        Raises:
            UnknownTool
            MooringError: InvalidRequest names the arguments that do not fit; the others are GET /servers's.
        """
        if name not in _TAKES:
            raise UnknownTool(name)
        _check(name, arguments)
        if name == "get_server":
            return self._get_server(arguments["qualifiedName"], reader)
        query, limit = parse(arguments["query"]), int(arguments.get("limit", DEFAULT_LIMIT))
        if name == "search_servers":
            return self._search_servers(query, limit)
        return self._search_tools(query, limit)

    def _search_servers(self, query: Query, limit: int) -> Document:
        answer = self._search.servers(query, page_size=limit)
        records = self._records(entry["qualifiedName"] for entry in answer.entries)
        servers = [
            {
                **{name: entry[name] for name in _LISTED},
                "description": _shortened(entry["description"]),
                "connection": self._connection(records.get(normalise(entry["qualifiedName"]))),
            }
            for entry in answer.entries
        ]
        return {"servers": servers, **_about(answer, query)}

    def _search_tools(self, query: Query, limit: int) -> Document:
        answer = self._search.tools(query, page_size=limit)
        records = self._records(entry["server"] for entry in answer.entries)
        tools = [self._tool(entry, records.get(normalise(entry["server"]))) for entry in answer.entries]
        return {"tools": tools, **_about(answer, query)}

    def _get_server(self, name: str, reader: Principal) -> Document:
        key = normalise(name)
        server = self._catalog.records([key]).get(key)
        if server is None or not is_visible(server, reader):
            raise ServerNotFound(f"there is no server {key}; search_servers finds those there are")
        detail = self._views.detailed(server, self._catalog.use_count(server))
        return {name: detail[name] for name in _DETAILED}

    def _tool(self, entry: Mapping[str, Any], server: Server | None) -> Document:
        return {
            "name": entry["name"],
            "description": _shortened(entry["description"]),
            "inputSchema": entry["inputSchema"] or {},
            "server": server.qualified_name if server else entry["server"],
            "isDeployed": server is not None and server.is_deployed,
            "connection": self._connection(server),
        }

    def _records(self, names: Iterable[str]) -> dict[str, Server]:
        """Return what the catalog has of these servers, by `Server.name`; one that just went is not in it."""
        return self._catalog.records({normalise(name) for name in names})

    def _connection(self, server: Server | None) -> View | None:
        return next(iter(self._views.connections(server)), None) if server else None


def _check(tool: str, arguments: Document) -> None:
    """Raise InvalidRequest with what does not fit the tool's inputSchema."""
    errors = json_schema.errors(_TAKES[tool], arguments)
    if not errors:
        try:
            "".join(map(str, arguments.values())).encode()
        except UnicodeEncodeError:
            errors = [{"pointer": "", "reason": "must be Unicode text, without half of a surrogate pair"}]
    if errors:
        reasons = "; ".join(
            f"{error['pointer'].lstrip('/') or 'arguments'} {error['reason']}" for error in errors
        )
        raise InvalidRequest(f"{tool}: {reasons}", {"errors": errors})


def _about(answer: Answer, query: Query) -> Document:
    notes = [f"unknown filter, which filters nothing: {filter}" for filter in query.unknown]
    if answer.source == "names":
        notes.append("only names were compared: the search index is being built; ask again in a minute")
    return {"totalCount": answer.total, **({"notes": notes} if notes else {})}


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
