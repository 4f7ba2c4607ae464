"""What a server offers, as one hash, and what has changed from one scan of it to another (no I/O).

`offers` has the lists `tools`, `prompts` and `resources` (templates among them) of a scan or of the catalog.
Counted is what a client and its model go by: names, titles, descriptions, schemas, annotations; not icons and
`_meta`, nor the order of anything that has none.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mooring import schemas
from mooring.errors import InvalidRequest, SurfaceChanged

if TYPE_CHECKING:
    from mooring.narrowing import Difference

Kind = Literal["tool", "prompt", "resource"]
Item = dict[str, Any]
Offers = Mapping[str, Any]

_KINDS: dict[str, Kind] = {"tools": "tool", "prompts": "prompt", "resources": "resource"}
_COUNTED = (
    *("name", "uri", "uriTemplate", "title", "description", "mimeType"),
    *("inputSchema", "outputSchema", "annotations", "arguments"),
)
_SCHEMAS = ("inputSchema", "outputSchema")
# What a client may decide by whether to ask its user; with what is taken where nothing is said.
_SAFETY = {"readOnlyHint": False, "destructiveHint": True}
_HASH_LENGTH = 64
_HEX = frozenset("0123456789abcdef")
_SHOWN_CHARACTERS = 120
_SHOWN_BEFORE = 20
_UNCOUNTED = ("lastModified",)  # every scan may find another


@dataclass(frozen=True, slots=True)
class Change:
    """`is_breaking`: a caller that worked may not work any more."""

    kind: Kind
    name: str
    change: str
    is_breaking: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "change": self.change,
            "isBreaking": self.is_breaking,
            "detail": self.detail,
        }


def digest(offers: Offers) -> str:
    """Return 64 hexadecimal digits that are the same as long as `offers` means the same to a client."""
    counted = {field: [_canonical(item) for item in offers.get(field) or ()] for field in _KINDS}
    texts = {field: sorted(map(schemas.text, items)) for field, items in counted.items()}
    return hashlib.sha256(schemas.text(texts).encode()).hexdigest()


def current(offers: Offers) -> str | None:
    """Return the digest; None: it has not been scanned."""
    return None if all(offers.get(field) is None for field in _KINDS) else digest(offers)


def check(pin: str, offers: Offers) -> None:
    """Accept a server for a client that wants it to offer what has the digest `pin`.

    Raises:
        InvalidRequest: `pin` is not a digest.
        SurfaceChanged: the server offers something else; `data` has both digests.
    """
    pinned = pin.lower()
    if len(pinned) != _HASH_LENGTH or not _HEX.issuperset(pinned):
        raise InvalidRequest("pin must be the `surface` of a server as the registry shows it: 64 hex digits")
    now = current(offers)
    if now != pinned:
        what = "has changed" if now else "is not known: the server has not been scanned"
        raise SurfaceChanged(
            f"what the server offers {what}; look at it again and connect with its new pin, or without one",
            {"pinned": pinned, "current": now},
        )


def diff(before: Offers, after: Offers) -> list[Change]:
    """Return what has changed; nothing exactly where both have the same digest."""
    return [
        change
        for field, kind in _KINDS.items()
        for change in _changes(kind, _by_name(field, before), _by_name(field, after))
    ]


def _changes(kind: Kind, before: dict[str, Item], after: dict[str, Item]) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        name = _name(old or new or {})
        if new is None:
            yield Change(kind, name, "removed", True, f"the {kind} is gone")
        elif old is None:
            yield Change(kind, name, "added", False, _shown(new.get("description", "")))
        else:
            yield from (Change(kind, name, *change) for change in _item_changes(old, new))


def _item_changes(old: Item, new: Item) -> Iterator[tuple[str, bool, str]]:
    for field in sorted({*old, *new}):
        was, now = old.get(field), new.get(field)
        if schemas.text(was) == schemas.text(now):
            continue
        match field:
            case "inputSchema":
                yield from _input_changes(was, now)
            case "arguments":
                yield from _input_changes(_schema_of_arguments(was), _schema_of_arguments(now))
            case "annotations":
                yield from _annotation_changes(was, now)
            case "outputSchema" | "mimeType":
                yield "output-changed", False, _arrow(was, now)
            case _:
                yield f"{field}-changed", False, _arrow(was, now)


def _input_changes(old: Any, new: Any) -> Iterator[tuple[str, bool, str]]:
    from mooring.narrowing import narrowed  # $connect needs the digest alone

    refused = [_difference(each) for each in narrowed(_object(old), _object(new))]
    if refused:
        yield "input-narrowed", True, "; ".join(refused)
    there, here = schemas.named(old), schemas.named(new)
    accepted = [f"{place} is new" for place in sorted(here - there)]
    accepted += [_difference(each, is_reversed=True) for each in narrowed(_object(new), _object(old))]
    if accepted:
        yield "input-widened", False, "; ".join(accepted)
    told, tells = schemas.notes(old), schemas.notes(new)
    reworded = [
        f"{place or '/'} is described differently"
        for place in told
        if told[place] != tells.get(place, told[place])
    ]
    reworded += [f"{place} is not named any more" for place in sorted(there - here)]
    if reworded or not (refused or accepted):
        yield "input-changed", False, "; ".join(reworded) or "it is written differently"


def _annotation_changes(old: Any, new: Any) -> Iterator[tuple[str, bool, str]]:
    was, now = (value if isinstance(value, dict) else {} for value in (old, new))
    flipped = {
        hint for hint, otherwise in _SAFETY.items() if was.get(hint, otherwise) != now.get(hint, otherwise)
    }
    if flipped:
        told = [f"{hint}: {_arrow(was.get(hint), now.get(hint))}" for hint in sorted(flipped)]
        yield "safety-changed", False, "; ".join(told)
    others = [
        name
        for name in sorted({*was, *now} - flipped)
        if schemas.text(was.get(name)) != schemas.text(now.get(name))
    ]
    if others or not flipped:
        told = [f"{name}: {_arrow(was.get(name), now.get(name))}" for name in others]
        yield "annotations-changed", False, "; ".join(told) or _arrow(old, new)


def _canonical(item: Item) -> Item:
    counted = {name: item[name] for name in _COUNTED if item.get(name) is not None}
    for name in _SCHEMAS:
        if name in counted:
            counted[name] = schemas.canonical(counted[name])
    if isinstance(counted.get("arguments"), list):
        counted["arguments"] = sorted(counted["arguments"], key=schemas.text)
    annotations = counted.pop("annotations", None)
    if isinstance(annotations, dict):
        annotations = {name: value for name, value in annotations.items() if name not in _UNCOUNTED}
    return {**counted, **({"annotations": annotations} if annotations else {})}


def _by_name(field: str, offers: Offers) -> dict[str, Item]:
    """Return the items by their names; of those that share one, the second is another than the first."""
    found: dict[str, Item] = {}
    for item in sorted((_canonical(item) for item in offers.get(field) or ()), key=schemas.text):
        name = _name(item)
        key = next(key for number in range(len(found) + 1) if (key := f"{name}\0{number}") not in found)
        found[key] = item
    return found


def _name(item: Item) -> str:
    return str(item.get("uri") or item.get("uriTemplate") or item.get("name") or "")


def _schema_of_arguments(arguments: Any) -> schemas.Schema:
    """Return the schema of the object that a prompt takes."""
    told = [each for each in arguments or () if isinstance(each, dict) and isinstance(each.get("name"), str)]
    notes = {each["name"]: {k: v for k, v in each.items() if k in ("title", "description")} for each in told}
    return {
        "properties": {name: {"type": "string", **note} for name, note in notes.items()},
        "required": sorted(each["name"] for each in told if each.get("required")),
        "additionalProperties": False,
    }


def _object(schema: Any) -> schemas.Schema:
    return schema if isinstance(schema, dict | bool) else {}


def _difference(found: "Difference", *, is_reversed: bool = False) -> str:
    was, now = (found.after, found.before) if is_reversed else (found.before, found.after)
    return f"{found.place or '/'} {found.keyword}: {_arrow(was, now)}"


def _arrow(was: Any, now: Any) -> str:
    """Return both values; of two long texts, from shortly before where they part."""
    texts = [_text(value) for value in (was, now)]
    same = max(0, _same_length(*texts) - _SHOWN_BEFORE)
    return " -> ".join(_shown(text[same:] if same else text, is_cut=same > 0) for text in texts)


def _same_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _text(value: Any) -> str:
    if value is None:
        return "(not stated)"
    return value if isinstance(value, str) else schemas.text(value)


def _shown(text: Any, *, is_cut: bool = False) -> str:
    line = " ".join(_text(text).split())
    return ("…" if is_cut else "") + line[:_SHOWN_CHARACTERS] + ("…" if len(line) > _SHOWN_CHARACTERS else "")
