"""Many servers at once, as an import brings them: each entry is judged and written on its own."""

from collections import Counter
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from mooring.api_errors import problems, summary
from mooring.bundle_uploads import Bundles
from mooring.catalog_editor import CatalogEditor
from mooring.catalog_records import Edit
from mooring.edits import Entry, Kept
from mooring.errors import InvalidRequest, MooringError
from mooring.keys import Principal
from mooring.names import display
from mooring.server_bodies import Batch, BatchEntry

Answer = dict[str, Any]

_NOT_KEPT = Bundles()


def put_batch(editor: CatalogEditor, batch: Batch, by: Principal, bundles: Bundles = _NOT_KEPT) -> Answer:
    """Return what became of each entry, in their order, and how many of each there were."""
    entries: dict[str, Entry] = {}
    read = [_read(document, entries, by, bundles) for document in batch.servers]
    edits = dict(
        zip(
            entries,
            editor.put_many(list(entries.values()), by, overwrite=batch.overwrite),
            strict=True,
        )
    )
    results = [
        one if isinstance(one, dict) else _result(one, edits[one.qualified_name.lower()]) for one in read
    ]
    return {"results": results, "counts": Counter(result["outcome"] for result in results)}


def _read(document: Any, entries: dict[str, Entry], by: Principal, bundles: Bundles) -> Entry | Answer:
    """Add the entry to `entries` and return it, or return what is wrong with it."""
    name = document.get("qualifiedName") if isinstance(document, dict) else None
    shown = name if isinstance(name, str) else None
    try:
        body = BatchEntry.model_validate(document)
        body.check(by)
        entry = replace(body.entry(display(body.qualified_name)), is_deleted=body.deleted)
        bundles.check(entry.release)
        key = entry.qualified_name.lower()
        if key in entries:
            raise InvalidRequest("qualifiedName: an entry before this one has the same")
    except ValidationError as error:
        return {"qualifiedName": shown, "outcome": "invalid", "reason": summary(problems(error.errors()))}
    except InvalidRequest as error:
        return {"qualifiedName": shown, "outcome": "invalid", "reason": error.message}
    entries[key] = entry
    return entry


def _result(entry: Entry, edit: Edit | MooringError | None) -> Answer:
    match edit:
        case Edit():
            return {"qualifiedName": edit.server.qualified_name, "outcome": edit.outcome}
        case Kept():
            return {"qualifiedName": entry.qualified_name, "outcome": "kept", "reason": edit.message}
        case MooringError():
            return {"qualifiedName": entry.qualified_name, "outcome": "invalid", "reason": edit.message}
    return {"qualifiedName": entry.qualified_name, "outcome": "unchanged"}
