"""The servers and the questions that search is measured with."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mooring.search.document import Document, Tool

CHANGED_WORDS = 0.15
"""Share of a description's words that are others in a copy."""


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    type: str
    grades: dict[str, int]
    """By name in lower case: 2 is what was asked for, 1 is of use."""


def documents(path: Path) -> list[Document]:
    return [_document(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def questions(path: Path) -> list[Question]:
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Question(each["query"], each["type"], _keys(each["relevant"])) for each in read]


def enlarged(originals: Sequence[Document], count: int) -> Iterator[Document]:
    """Give `count` servers: the originals, then copies of them under other names and in other words."""
    chance = random.Random(3)
    words = sorted({word for each in originals for word in each.description.lower().split()})
    yield from originals[:count]
    for number in range(len(originals), count):
        original, copy = originals[number % len(originals)], number // len(originals)
        yield replace(
            original,
            name=f"{original.name}-{copy}",
            qualified_name=f"{original.qualified_name}-{copy}",
            description=_changed(original.description, words, chance),
            tools=tuple(
                replace(tool, description=_changed(tool.description, words, chance))
                for tool in original.tools
            ),
        )


def _changed(text: str, words: Sequence[str], chance: random.Random) -> str:
    return " ".join(
        chance.choice(words) if chance.random() < CHANGED_WORDS else word for word in text.split()
    )


def _document(row: dict[str, Any]) -> Document:
    name = row["qualifiedName"].lstrip("@")
    listed = f"{row['category']},{row['keywords']}".replace(";", ",").split(",")
    keywords = [word.strip() for word in listed]
    return Document(
        name=name.lower(),
        qualified_name=name,
        display_name=row["displayName"],
        description=row["description"],
        keywords=tuple(word for word in keywords if word and word.lower() != "uncategorized"),
        tools=tuple(
            Tool(name=tool["name"], description=tool.get("description") or "") for tool in row["tools"]
        ),
        namespace=name.lower().partition("/")[0],
        repo_owner=row["owner"].lower(),
        repo_name=row["repo"].lower(),
        is_deployed=row["hosted"],
        card={name: row[name] for name in ("qualifiedName", "displayName", "description", "homepage")},
    )


def _keys(grades: dict[str, int]) -> dict[str, int]:
    return {name.lower().lstrip("@"): grade for name, grade in grades.items()}
