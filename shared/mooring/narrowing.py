"""Whether one JSON Schema accepts everything that another accepts (no I/O).

It is proven keyword by keyword. What cannot be proven counts as refused: none of the changes that break a
caller is missed, and one that is not understood is told. Left out on purpose: a property that the old schema
did not name, and did not speak of by `additionalProperties`, is taken to be unused; `$id` and anchors are not
followed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mooring.schema_keywords import EVERY_TYPE, Object, Types, accepted_types, members, refusing
from mooring.schemas import Schema, meaning, pointed, text

MAX_CHARACTERS = 5_000_000
"""Of JSON that is looked at, so that nobody can have us compare for minutes; the rest is not proven."""
MAX_DEPTH = 64

_STRINGS: Types = frozenset({"string"})
_ARRAYS: Types = frozenset({"array"})
_OBJECTS: Types = frozenset({"object"})
# Compared as they are written: the values they speak of, and the keywords whose meaning goes with theirs.
_AS_WRITTEN: dict[str, tuple[Types, tuple[str, ...]]] = {
    "pattern": (_STRINGS, ("pattern",)),
    "format": (_STRINGS, ("format",)),
    "contains": (_ARRAYS, ("contains", "minContains", "maxContains")),
    "prefixItems": (_ARRAYS, ("prefixItems",)),
    "additionalItems": (_ARRAYS, ("items", "additionalItems")),
    "patternProperties": (_OBJECTS, ("patternProperties",)),
    "propertyNames": (_OBJECTS, ("propertyNames",)),
    "dependentRequired": (_OBJECTS, ("dependentRequired",)),
    "dependentSchemas": (_OBJECTS, ("dependentSchemas",)),
    "dependencies": (_OBJECTS, ("dependencies",)),
    "oneOf": (EVERY_TYPE, ("oneOf",)),
    "not": (EVERY_TYPE, ("not",)),
    "if": (EVERY_TYPE, ("if", "then", "else")),
    "$ref": (EVERY_TYPE, ("$ref",)),
    "$dynamicRef": (EVERY_TYPE, ("$dynamicRef",)),
    "$recursiveRef": (EVERY_TYPE, ("$recursiveRef",)),
}
_UNEVALUATED = {"unevaluatedItems": "array", "unevaluatedProperties": "object"}
_ALTERNATIVES = ("anyOf", "oneOf")
_DEFINITIONS = ("$defs", "definitions")
_KEPT = tuple(f"#/{name}/" for name in _DEFINITIONS)
_REFERENCE = re.compile(r'"\$(ref|dynamicRef|recursiveRef)":"([^"]*)')
_NOTHING: Object = {"enum": []}  # accepts no value, as the schema `false`
_NOT_STATED = "(not stated)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A place at which the new schema refuses what the old one accepts, or may refuse it."""

    place: str
    keyword: str
    before: Any
    after: Any


def narrowed(before: Schema, after: Schema) -> list[Difference]:
    """Return where `after` refuses what `before` accepts, or may; both are canonical."""
    return _Inclusion(meaning(before), meaning(after)).missing()


class _Inclusion:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._has_same_definitions = _definitions(old) == _definitions(new)
        self._in_progress: list[tuple[str, str]] = []
        self._left = MAX_CHARACTERS

    def missing(self) -> list[Difference]:
        unique = {(each.place, each.keyword): each for each in self._compare(self._old, self._new, "")}
        return list(unique.values())

    def _compare(self, old: Schema, new: Schema, place: str) -> list[Difference]:
        if new is True or new == {} or old is False:
            return []
        pair = (text(old), text(new))
        self._left -= len(pair[0]) + len(pair[1])
        if self._are_same(*pair) or pair in self._in_progress:
            return []  # of a schema inside itself, what is being proven may be used
        if not isinstance(new, dict) or self._left < 0 or len(self._in_progress) > MAX_DEPTH:
            return [Difference(place, "schema", old, new)]
        self._in_progress.append(pair)
        try:
            flat = _flat(old, self._old) if isinstance(old, dict) else {}
            return self._compare_alternatives(flat, _flat(new, self._new), place)
        finally:
            self._in_progress.pop()

    def _compare_alternatives(self, old: Object, new: Object, place: str) -> list[Difference]:
        """Have every alternative of `old` accepted, if what stands beside them is not enough."""
        stated = {
            name: value
            for name, value in new.items()
            if not (name in (*_ALTERNATIVES, "allOf", "not") and self._is_same(old.get(name), value))
        }
        keyword = next((name for name in _ALTERNATIVES if _is_list(old.get(name))), None)
        if keyword is None:
            return self._compare_one(old, stated, place)
        rest = {name: value for name, value in old.items() if name != keyword}
        if not self._compare_one(rest, stated, place):
            return []
        return [
            found for branch in old[keyword] for found in self._compare(_joined(rest, branch), stated, place)
        ]

    def _compare_one(self, old: Object, new: Object, place: str) -> list[Difference]:
        alone = {name: value for name, value in new.items() if name not in ("anyOf", "allOf")}
        members_of_all = new["allOf"] if _is_list(new.get("allOf")) else []
        if "$ref" in alone and len(alone) > 1:
            members_of_all = [*members_of_all, {"$ref": alone.pop("$ref")}]
        found = self._compare_flat(old, alone, place)
        for member in members_of_all:
            found += self._compare(old, member, place)
        if _is_list(new.get("anyOf")):
            # One type at a time: ["string", "null"] may have become two alternatives.
            kinds = [{**old, "type": kind} for kind in sorted(accepted_types(old))]
            if not all(any(not self._compare(kind, one, place) for one in new["anyOf"]) for kind in kinds):
                found.append(Difference(place, "anyOf", old.get("type", _NOT_STATED), new["anyOf"]))
        return found

    def _compare_flat(self, old: Object, new: Object, place: str) -> list[Difference]:
        types = accepted_types(old)
        changed = [*refusing(old, new, types), *self._rewritten(old, new, types)]
        found = [
            Difference(place, name, old.get(name, _NOT_STATED), new.get(name, _NOT_STATED))
            for name in changed
        ]
        if "array" in types:
            found += self._compare_items(old, new, place)
        if "object" in types:
            found += self._compare_members(old, new, place)
        return found

    def _rewritten(self, old: Object, new: Object, types: Types) -> Iterator[str]:
        for keyword, (of_types, group) in _AS_WRITTEN.items():
            is_relevant = keyword in new and types & of_types
            if is_relevant and not all(self._is_same(_part(old, name), _part(new, name)) for name in group):
                yield keyword
        for keyword, kind in _UNEVALUATED.items():
            if kind in types and new.get(keyword, True) is not True:
                yield keyword  # what it refuses depends on everything beside it, and that has changed

    def _compare_items(self, old: Object, new: Object, place: str) -> list[Difference]:
        before, after = old.get("items", True), new.get("items", True)
        is_list_of_schemas = isinstance(before, list) or isinstance(after, list)  # of draft-07
        if is_list_of_schemas or not self._is_same(old.get("prefixItems"), new.get("prefixItems")):
            if after in (True, {}) or (is_list_of_schemas and self._is_same(before, after)):
                return []
            return [Difference(place, "items", before, after)]
        return self._compare(before, after, f"{place}/*")

    def _compare_members(self, old: Object, new: Object, place: str) -> list[Difference]:
        before, after = members(old), members(new)
        others, others_now = old.get("additionalProperties", True), new.get("additionalProperties", True)
        found: list[Difference] = []
        for name in sorted({*before, *after}):
            there = f"{place}/{pointed(name)}"
            if name in before:
                found += self._compare(before[name], after.get(name, others_now), there)
            elif "additionalProperties" in old:
                found += self._compare(others, after[name], there)
        if "patternProperties" in old and "patternProperties" not in new and others_now not in (True, {}):
            found.append(Difference(place, "patternProperties", old["patternProperties"], _NOT_STATED))
        if self._compare(others, others_now, f"{place}/*"):
            stated = old.get("additionalProperties", _NOT_STATED)
            found.append(Difference(place, "additionalProperties", stated, others_now))
        return found

    def _is_same(self, old: Any, new: Any) -> bool:
        return self._are_same(text(old), text(new))

    def _are_same(self, old: str, new: str) -> bool:
        return old == new and (self._has_same_definitions or not _REFERENCE.search(new))


def _definitions(root: Schema) -> list[str]:
    """Return all that references inside `root` depend on."""
    if not isinstance(root, dict):
        return []
    written = text(root)
    is_elsewhere = any(
        word != "ref" or (points.startswith("#") and not points.startswith(_KEPT))
        for word, points in _REFERENCE.findall(written)
    )
    return [written] if is_elsewhere else [text(root.get(name)) for name in _DEFINITIONS]


def _flat(schema: Object, root: Schema) -> Object:
    """Return `schema` with a reference that is all of it followed, and an `allOf` of one taken for it."""
    for _ in range(MAX_DEPTH):
        schema = {name: value for name, value in schema.items() if name not in _DEFINITIONS}
        found = None
        if schema.keys() == {"$ref"}:
            found = _resolved(schema["$ref"], root)
        elif schema.keys() == {"allOf"} and _is_list(schema["allOf"]) and len(schema["allOf"]) == 1:
            found = schema["allOf"][0]
        if not isinstance(found, dict | bool):
            return schema
        schema = found if isinstance(found, dict) else {} if found else _NOTHING
    return {"$ref": "a reference that leads to itself"}


def _resolved(reference: Any, root: Schema) -> Any:
    """Return what a reference into the same document points at; None: it points elsewhere or at nothing."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _part(schema: Object, keyword: str) -> Object:
    """Return what `schema` says by one keyword, with the keyword: of a reference it is not the text alone."""
    return {keyword: schema[keyword]} if keyword in schema else {}


def _joined(rest: Object, branch: Schema) -> Schema:
    """Return a schema that accepts at least what both accept."""
    if not isinstance(branch, dict):
        return rest if branch else False
    both = rest.keys() & branch.keys()
    return {**rest, **branch} if all(text(rest[name]) == text(branch[name]) for name in both) else branch


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)
