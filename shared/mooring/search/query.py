"""What `q` of GET /servers asks for (no I/O).

`q` is free text with filters anywhere in it: `owner:acme repo:"my repo" is:deployed machine learning`.
"""

import re
from dataclasses import dataclass, replace

_TOKEN = re.compile(r'(?P<key>[A-Za-z]+):(?P<value>"[^"]*"|(?!//)\S*)|"(?P<quoted>[^"]*)"|(?P<word>\S+)')
_NAMES = frozenset({"owner", "repo", "namespace"})
_STATES = frozenset({"deployed", "verified", "remote"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a server must be to be found at all; None: it may be anything. Names are in lower case."""

    owner: str | None = None
    """Namespace of the server, or owner of its repository."""
    repo: str | None = None
    """Name of the server or of its repository, with or without `owner/`."""
    namespace: str | None = None
    deployed: bool | None = None
    verified: bool | None = None
    remote: bool | None = None
    ids: frozenset[str] | None = None
    """Keys of servers, `owner/name`."""


ANYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Query:
    text: str = ""
    """What is left without the filters, words parted by one space."""
    filters: Filters = ANYTHING
    unknown: tuple[str, ...] = ()
    """Filters nobody knows, as they were written; they filter nothing."""


def parse(q: str, filters: Filters = ANYTHING) -> Query:
    """Return what `q` asks for, within `filters`.

    Any text can be asked. Of a filter given twice the last counts, those in `q` after those given.
    """
    words: list[str] = []
    unknown: list[str] = []
    names: dict[str, str] = {}
    states: dict[str, bool] = {}
    for token in _TOKEN.finditer(q):
        if token["key"] is None:
            words += (token["word"] if token["quoted"] is None else token["quoted"]).split()
            continue
        key, value = token["key"].lower(), token["value"].strip('"').strip().lower()
        if key in _NAMES and value.removeprefix("@"):
            names[key] = value.removeprefix("@")
        elif key == "is" and value in _STATES:
            states[value] = True
        else:
            unknown.append(token[0])
    return Query(
        text=" ".join(words),
        filters=replace(
            filters,
            owner=names.get("owner", filters.owner),
            repo=names.get("repo", filters.repo),
            namespace=names.get("namespace", filters.namespace),
            deployed=states.get("deployed", filters.deployed),
            verified=states.get("verified", filters.verified),
            remote=states.get("remote", filters.remote),
        ),
        unknown=tuple(unknown),
    )
