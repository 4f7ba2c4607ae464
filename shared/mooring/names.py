"""Qualified names of servers: `owner/name`."""

import re

from mooring.errors import InvalidRequest

PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
PATTERN = f"{PART}/{PART}"

_NAME = re.compile(PATTERN)


def display(name: str) -> str:
    """Return `name` as its owner spells it, without the optional leading `@`.

    Raises:
        InvalidRequest: it is not `owner/name`.
    """
    bare = name.removeprefix("@")
    if not _NAME.fullmatch(bare):
        raise InvalidRequest(
            "qualifiedName must be owner/name, each of letters, digits, '.', '_' and '-', at most 100 long"
        )
    return bare


def normalise(name: str) -> str:
    """Return the form two spellings of one name share: no `@`, lower case.

    Raises:
        InvalidRequest: it is not `owner/name`.
    """
    return display(name).lower()
