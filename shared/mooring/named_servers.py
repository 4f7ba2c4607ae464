"""Finds servers by their names alone: what answers searches while there is no index."""

from collections.abc import Iterable

from mooring.search.document import Document
from mooring.search.query import Filters, Query


def select(documents: Iterable[Document], query: Query) -> list[Document]:
    """Return the servers that pass the filters and have every word of the text in a name, best first.

    Best is: the exact name, a name that begins so, deployed, used most, newest.
    """
    words = [word.removeprefix("@") for word in query.text.lower().split()]
    text = " ".join(words)
    found = [one for one in documents if passes(one, query.filters) and _is_named(one, words)]
    found.sort(key=lambda one: one.name)
    found.sort(key=lambda one: one.created_at, reverse=True)
    found.sort(
        key=lambda one: (
            text not in _names(one),
            not any(name.startswith(text) for name in _names(one)),
            not one.is_deployed,
            -one.use_count,
        )
    )
    return found


def passes(one: Document, filters: Filters) -> bool:
    """Return whether a server passes, as the index decides it."""
    states = (
        (filters.deployed, one.is_deployed),
        (filters.verified, one.is_verified),
        (filters.remote, one.is_remote),
    )
    repositories = {one.name, one.name.partition("/")[2], one.repo_name, f"{one.repo_owner}/{one.repo_name}"}
    return (
        all(wanted is None or wanted == has for wanted, has in states)
        and filters.namespace in (None, one.namespace)
        and filters.owner in (None, one.namespace, one.repo_owner)
        and (filters.repo is None or filters.repo in repositories)
        and (filters.ids is None or one.name in filters.ids)
    )


def _names(one: Document) -> tuple[str, str, str]:
    return one.name, one.name.partition("/")[2], one.display_name.lower()


def _is_named(one: Document, words: list[str]) -> bool:
    text = "\n".join(_names(one))
    return all(word in text for word in words)
