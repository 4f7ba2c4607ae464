"""Configurations made up from a schema, to start a server that nobody has configured yet (no I/O).

Most servers list their tools without using their keys, so what they get only has to look right.
"""

from typing import Any

Schema = dict[str, Any]

_MAX_DEPTH = 8
_BY_FORMAT = {
    "uri": "https://example.com",
    "url": "https://example.com",
    "email": "nobody@example.com",
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "hostname": "example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def config(schema: Schema) -> dict[str, Any]:
    """Return a value for every property that is required or has a default."""
    return _object(schema, _MAX_DEPTH)


def _object(schema: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    made: dict[str, Any] = {}
    for name, member in (properties if isinstance(properties, dict) else {}).items():
        if not isinstance(member, dict):
            continue
        if name in names or "default" in member:
            made[name] = _value(member, depth - 1)
    return made


def _suggested(schema: Schema) -> list[Any]:
    """Return what the schema itself offers, best first."""
    if "const" in schema:
        return [schema["const"]]
    if "default" in schema:
        return [schema["default"]]
    for offer in ("examples", "enum"):
        values = schema.get(offer)
        if isinstance(values, list) and values:
            return values
    return []


def _value(schema: Schema, depth: int) -> Any:
    suggested = _suggested(schema)
    if suggested:
        return suggested[0]
    for choice in ("anyOf", "oneOf", "allOf"):
        options = schema.get(choice)
        if depth > 0 and isinstance(options, list) and options and isinstance(options[0], dict):
            return _value(options[0], depth - 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object" or "properties" in schema:
        return _object(schema, depth) if depth > 0 else {}
    return _scalar(kind, schema)


def _scalar(kind: object, schema: Schema) -> Any:
    if kind in ("number", "integer"):
        return schema.get("minimum", 0)
    if kind == "boolean":
        return False
    if kind == "array":
        return []
    if kind == "null":
        return None
    text = _BY_FORMAT.get(str(schema.get("format")), "placeholder")
    length = schema.get("minLength", 0)
    return text if not isinstance(length, int) else text.ljust(length, "x")
