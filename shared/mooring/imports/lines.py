"""Lines of a catalogue file, one JSON object each, as servers of this registry (no I/O).

`docs/import.md` has the table of what becomes what.
"""

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ConfigDict

from mooring.errors import InvalidRequest
from mooring.imports.entries import Imported, Refused
from mooring.imports.shape import Part, validated
from mooring.names import display

_MAX_KEYWORDS = 60
_MAX_CATEGORIES = 30
_MAX_CHARACTERS = 100  # of a keyword or a category
_NO_CATEGORY = "uncategorized"


class _Tool(Part):
    model_config = ConfigDict(extra="allow")

    name: str


class _Line(Part):
    qualified_name: str
    display_name: str = ""
    description: str = ""
    owner: str = ""
    repo: str = ""
    homepage: str = ""
    category: str = ""
    keywords: str = ""
    tools: tuple[_Tool, ...] = ()
    hosted: bool = False


def imported(lines: Iterable[bytes], registry: str) -> Iterator[Imported | Refused]:
    """Yield what becomes of each line that is not empty; a name counts once.

    `registry` is the name of the source that every server is given.
    """
    known: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            server = _imported(line, number, registry)
        except InvalidRequest as error:
            yield Refused(f"line {number}", error.message)
            continue
        first = known.setdefault(server.names[0].lower(), number)
        yield server if first == number else Refused(server.label, f"line {first} has this name already")


def _imported(line: bytes, number: int, registry: str) -> Imported:
    try:
        document = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidRequest("not text in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("not JSON; a line is one JSON object") from error
    read = validated(_Line, document)
    name = display(read.qualified_name)
    source = {"registry": registry, "name": name}
    return Imported(f"line {number}: {name}", (name,), {**_server(read), "source": source})


def _server(line: _Line) -> dict[str, Any]:
    server = {
        "displayName": line.display_name,
        "description": line.description,
        "homepage": line.homepage,
        "repository": f"https://github.com/{line.owner}/{line.repo}" if line.owner and line.repo else "",
        "categories": _phrases(line.category, ",", _MAX_CATEGORIES, without=_NO_CATEGORY),
        "keywords": _phrases(line.keywords, ";" if ";" in line.keywords else ",", _MAX_KEYWORDS),
        "tools": [tool.model_dump() for tool in line.tools],
        "hosted": line.hosted,
    }
    return {name: value for name, value in server.items() if value}


def _phrases(text: str, separator: str, most: int, without: str = "") -> list[str]:
    """Return the phrases of a list that is written as one text, each short enough to be a keyword."""
    parts = (" ".join(part.split()) for part in text.split(separator))
    pieces = [
        piece for part in parts if part.lower() != without for piece in textwrap.wrap(part, _MAX_CHARACTERS)
    ]
    return list(dict.fromkeys(pieces))[:most]
