"""A part of the index that never changes: some servers with their tools, in one file of arrays."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mooring.search import entries, servers, spelling
from mooring.search.arrays import Array, Arrays
from mooring.search.document import Document, Tool
from mooring.search.encoder import Encoder
from mooring.search.entries import DESCRIPTION, IDENTIFIER, KEYWORDS, NAME, TOOLS, Entries, Entry
from mooring.search.servers import Servers
from mooring.search.spelling import Spelling

_MEANING_TOOLS = 12
_MEANING_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Segment:
    arrays: Arrays
    servers: Servers
    entries: Entries
    """Of the servers, row by row."""
    tools: Entries
    server_of_tool: NDArray[np.uint32]
    spelling: Spelling

    @classmethod
    def of(cls, arrays: Arrays) -> "Segment":
        return cls(
            arrays=arrays,
            servers=Servers(arrays),
            entries=Entries(arrays, "entries"),
            tools=Entries(arrays, "tools"),
            server_of_tool=arrays["server_of_tool"],
            spelling=Spelling(arrays),
        )


def build(documents: Iterable[Document], encoder: Encoder) -> Arrays:
    """Return the arrays of a segment; of two documents of one name the last counts."""
    kept = {document.name: document for document in documents}
    rows = [kept[name] for name in sorted(kept)]
    owned = [
        (row, tool) for row, document in enumerate(rows) for tool in sorted(document.tools, key=_tool_name)
    ]
    found = [_server_entry(document) for document in rows]
    counts = Counter(word for entry in found for word in entries.spoken(entry))
    return Arrays(
        {"encoder": encoder.id},
        {
            **servers.pack(rows),
            **entries.pack(found, encoder, "entries"),
            **entries.pack([_tool_entry(tool) for _, tool in owned], encoder, "tools"),
            "server_of_tool": np.array([row for row, _ in owned], np.uint32),
            **spelling.pack(counts),
        },
    )


def merge(parts: Sequence[tuple[Segment, NDArray[np.bool_]]]) -> Arrays:
    """Return one segment's arrays out of several, each with the mask of its servers that are still there.

    No text is read again: what a word weighs in a row, and a row's vector, are the row's own.
    """
    names = [
        (name, part, row)
        for part, (segment, alive) in enumerate(parts)
        for row, name in enumerate(segment.servers.names)
        if alive[row]
    ]
    places = [np.full(len(segment.servers), -1, np.int64) for segment, _ in parts]
    for place, (_, part, row) in enumerate(sorted(names)):
        places[part][row] = place
    tool_servers = [place[segment.server_of_tool] for place, (segment, _) in zip(places, parts, strict=True)]
    tool_places, server_of_tool = _in_order(tool_servers)
    by_server = [(segment.arrays, place) for (segment, _), place in zip(parts, places, strict=True)]
    by_tool = [(segment.arrays, place) for (segment, _), place in zip(parts, tool_places, strict=True)]
    merged: dict[str, Array] = {
        **servers.merge(by_server, len(names)),
        **entries.merge(by_server, len(names), "entries"),
        **entries.merge(by_tool, len(server_of_tool), "tools"),
        "server_of_tool": server_of_tool,
        **spelling.merge([segment.arrays for segment, _ in parts]),
    }
    return Arrays(dict(parts[0][0].arrays.meta), merged)


def _in_order(
    tool_servers: Sequence[NDArray[np.int64]],
) -> tuple[list[NDArray[np.int64]], NDArray[np.uint32]]:
    """Return the tools' new numbers part by part, and the server of each; in a server their order stays."""
    all_servers = np.concatenate(tool_servers)
    order = np.argsort(all_servers, kind="stable")
    order = order[all_servers[order] >= 0]
    numbers = np.full(len(all_servers), -1, np.int64)
    numbers[order] = np.arange(len(order))
    ends = np.cumsum([len(each) for each in tool_servers])[:-1]
    return np.split(numbers, ends), all_servers[order].astype(np.uint32)


def _server_entry(document: Document) -> Entry:
    last_name = document.qualified_name.rpartition("/")[2]
    names = (last_name, document.display_name or last_name, document.qualified_name)
    keywords = " ".join(document.keywords)
    tools = " ".join(tool.name for tool in document.tools[:_MEANING_TOOLS])
    return Entry(
        names=names,
        named=(
            (NAME, f"{last_name} {document.display_name}"),
            (IDENTIFIER, f"{document.namespace} {document.repo_owner} {document.repo_name}"),
            (TOOLS, " ".join(tool.name for tool in document.tools)),
        ),
        told=(
            (DESCRIPTION, document.description),
            (KEYWORDS, keywords),
            (TOOLS, " ".join(tool.description for tool in document.tools)),
        ),
        meaning=f"{document.display_name}. {last_name}. {document.description} {keywords} {tools}"[
            :_MEANING_CHARACTERS
        ],
        payload=_json(document.card),
    )


def _tool_entry(tool: Tool) -> Entry:
    return Entry(
        names=(tool.name,),
        named=((NAME, tool.name),),
        told=((DESCRIPTION, tool.description),),
        meaning=f"{tool.name.replace('_', ' ')}. {tool.description}"[:_MEANING_CHARACTERS],
        payload=_json({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}),
    )


def _tool_name(tool: Tool) -> str:
    return tool.name


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
