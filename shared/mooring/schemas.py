"""JSON Schemas (2020-12, draft-07) as values: spelled in one way, and walked (no I/O)."""

import json
from collections.abc import Iterator
from typing import Any

Schema = Any
"""An object or a boolean; what is neither is kept as it is: it came from strangers."""

_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLE = frozenset(
    {
        *("items", "additionalItems", "contains", "unevaluatedItems"),
        *("additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("not", "if", "then", "else"),
    }
)
ASSERTIONS = frozenset(
    {
        *_MAPS,
        *_LISTS,
        *_SINGLE,
        *("type", "enum", "const", "format", "pattern", "$ref", "$dynamicRef", "$recursiveRef"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "minProperties", "maxProperties", "required"),
        *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
        *("dependentRequired", "dependencies"),
    }
)
"""Keywords that decide which values are accepted, and where such decisions are kept; all others are notes."""
_SETS = frozenset({"type", "required", "enum"})
_MAX_DEPTH = 64
"""Deeper than any schema that is meant; what lies below is taken as it is."""


def text(value: Any) -> str:
    """Return the JSON text that equal values share; two lists in different order are not equal."""
    return json.dumps(_number(value), sort_keys=True, separators=(",", ":"))


def canonical(schema: Schema, depth: int = 0) -> Schema:
    """Return `schema` with the lists that are sets in order, and every number spelled in one way."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return _number(schema)
    return {keyword: _canonical_value(keyword, value, depth + 1) for keyword, value in schema.items()}


def _canonical_value(keyword: str, value: Any, depth: int) -> Any:
    if keyword in _SETS and isinstance(value, list):
        return sorted((_number(one) for one in value), key=text)
    if keyword in _MAPS and isinstance(value, dict):
        return {name: canonical(inner, depth) for name, inner in value.items()}
    if isinstance(value, list) and (keyword in _LISTS or keyword == "items"):
        return [canonical(inner, depth) for inner in value]
    return canonical(value, depth) if keyword in _SINGLE else _number(value)


def meaning(schema: Schema, depth: int = 0) -> Schema:
    """Return a canonical schema without its notes: without what accepts and refuses nothing."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    return {
        keyword: _meaning_of(keyword, value, depth + 1)
        for keyword, value in schema.items()
        if keyword in ASSERTIONS
    }


def _meaning_of(keyword: str, value: Any, depth: int) -> Any:
    if keyword in _MAPS and isinstance(value, dict):
        return {name: meaning(inner, depth) for name, inner in value.items()}
    if isinstance(value, list) and (keyword in _LISTS or keyword == "items"):
        return [meaning(inner, depth) for inner in value]
    return meaning(value, depth) if keyword in _SINGLE else value


def notes(schema: Schema) -> dict[str, dict[str, Any]]:
    """Return what each schema inside `schema` says that accepts and refuses nothing, by where it is."""
    return {
        place: {keyword: value for keyword, value in inner.items() if keyword not in ASSERTIONS}
        for place, inner in _inner(schema, "", 0)
    }


def named(schema: Schema) -> set[str]:
    """Return where `schema` names a property: `/city`, `/units/decimals`, `/places/*/city`."""
    return {
        f"{place}/{pointed(name)}"
        for place, inner in _inner(schema, "", 0)
        if isinstance(inner.get("properties"), dict)
        for name in inner["properties"]
    }


def _inner(schema: Schema, place: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return
    yield place, schema
    for keyword, value in schema.items():
        if keyword in _MAPS and isinstance(value, dict):
            within = place if keyword == "properties" else f"{place}/{keyword}"
            for name, inner in value.items():
                yield from _inner(inner, f"{within}/{pointed(name)}", depth + 1)
        elif isinstance(value, list) and (keyword in _LISTS or keyword == "items"):
            for index, inner in enumerate(value):
                yield from _inner(inner, f"{place}/{keyword}/{index}", depth + 1)
        elif keyword in _SINGLE:
            step = "*" if keyword in ("items", "additionalProperties") else keyword
            yield from _inner(value, f"{place}/{step}", depth + 1)


def pointed(name: str) -> str:
    """Return `name` as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _number(value: Any, depth: int = 0) -> Any:
    """Return `value` with 1.0 as 1, which JSON Schema holds to be the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return {name: _number(inner, depth + 1) for name, inner in value.items()}
    return [_number(inner, depth + 1) for inner in value] if isinstance(value, list) else value
