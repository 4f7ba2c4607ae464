"""What `q` of GET /servers asks for, and which servers answer it, best first (no I/O).

`q` is free text with filters anywhere in it: `owner:acme repo:"my repo" is:deployed machine learning`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mooring.servers import Server

_TOKEN = re.compile(r'(?P<key>[A-Za-z]+):(?P<value>"[^"]*"|(?!//)\S*)|"(?P<quoted>[^"]*)"|(?P<word>\S+)')
_STATES = frozenset({"deployed", "verified"})
_REPOSITORY = re.compile(r"(?P<owner>[^/:]+)/(?P<name>[^/]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class Query:
    text: str = ""
    """What is left without the filters, words parted by one space."""
    owner: str | None = None
    """Lower case, as `repo`."""
    repo: str | None = None
    deployed: bool = False
    verified: bool = False
    unknown: tuple[str, ...] = ()
    """Filters nobody knows, as they were written; they filter nothing."""


def parse(q: str) -> Query:
    """Return what `q` asks for. Any text can be asked; of a filter given twice the last counts."""
    words: list[str] = []
    unknown: list[str] = []
    names: dict[str, str] = {}
    states: set[str] = set()
    for token in _TOKEN.finditer(q):
        if token["key"] is None:
            words += (token["word"] if token["quoted"] is None else token["quoted"]).split()
            continue
        key, value = token["key"].lower(), token["value"].strip('"').strip().lower()
        if key in ("owner", "repo") and value:
            names[key] = value.removeprefix("@")
        elif key == "is" and value in _STATES:
            states.add(value)
        else:
            unknown.append(token[0])
    return Query(
        text=" ".join(words),
        owner=names.get("owner"),
        repo=names.get("repo"),
        deployed="deployed" in states,
        verified="verified" in states,
        unknown=tuple(unknown),
    )


def select(servers: Iterable[Server], query: Query, use_counts: Mapping[str, int]) -> list[Server]:
    """Return the servers that answer `query`, best first; equal ones in the order of their names.

    Best is: the exact name, every word in the name, deployed, used most, newest.
    """
    words = [word.removeprefix("@") for word in query.text.lower().split()]
    exact = " ".join(words)
    found = [server for server in servers if _passes(server, query) and _mentions(server, words)]
    found.sort(key=lambda server: server.name)
    found.sort(key=lambda server: server.created_at, reverse=True)
    found.sort(
        key=lambda server: (
            exact not in (server.name, server.name.partition("/")[2], server.display_name.lower()),
            not all(word in server.name for word in words),
            not server.is_deployed,
            -use_counts.get(server.name, 0),
        )
    )
    return found


def _passes(server: Server, query: Query) -> bool:
    if (query.deployed and not server.is_deployed) or (query.verified and not server.verified):
        return False
    namespace, _, name = server.name.partition("/")
    repository = _REPOSITORY.search(server.repository.lower())
    owners = {namespace, repository["owner"] if repository else namespace}
    names = {name, server.name}
    if repository:
        names |= {repository["name"], f"{repository['owner']}/{repository['name']}"}
    return (query.owner is None or query.owner in owners) and (query.repo is None or query.repo in names)


def _mentions(server: Server, words: list[str]) -> bool:
    if not words:
        return True
    tools = (str(tool.get("name", "")) for tool in server.tools or ())
    text = "\n".join((server.name, server.display_name, server.description, *tools)).lower()
    return all(word in text for word in words)
