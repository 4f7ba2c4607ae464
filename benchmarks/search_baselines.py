"""How registries are searched without this: a part of the name, or SQLite's full-text index."""

import re
import sqlite3
from collections.abc import Sequence

from mooring.search.document import Document


class Substring:
    """What the official registry does with `search`."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._names = [document.name for document in documents]

    def search(self, q: str, count: int) -> list[str]:
        return [name for name in self._names if q.lower() in name][:count]


class FullText:
    """FTS5 over name and description with stems, any of the words, by BM25."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._names = [document.name for document in documents]
        self._database = sqlite3.connect(":memory:")
        self._database.execute(
            "CREATE VIRTUAL TABLE t USING fts5(name, description, tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO t VALUES (?, ?)",
            [(f"{each.name} {each.display_name}", each.description) for each in documents],
        )

    def search(self, q: str, count: int) -> list[str]:
        asked = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", q))
        rows = self._database.execute(
            "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?", (asked, count)
        )
        return [self._names[row - 1] for (row,) in rows]
