"""Dot parameters: `server.port=80` and `tags.0=a` in a URL, as members of a JSON document (no I/O)."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from mooring.errors import InvalidConfig

_MAX_DEPTH = 8
_REFUSED_SEGMENTS = frozenset({"__proto__", "constructor", "prototype"})  # servers in JavaScript merge them


def overlay(
    document: dict[str, Any], parameters: Mapping[str, str], schema: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `document` with the members that `parameters` name set.

    A value is JSON where it parses as JSON and text otherwise. `schema`, of the document, settles what that
    leaves open: where it wants a string, `token=12345` is one. Segments that are numbers are items of an
    array, unless there is an object already.

    Raises:
        InvalidConfig: a path cannot be meant; its pointer and the reason are in `data`.
    """
    branch = _Branch()
    for path, text in parameters.items():
        _grow(branch, path, text, schema)
    return _overlaid_object(document, branch, "")


class _Branch(dict[str, Any]):
    """What dot parameters have named so far; a plain dict in it is a value that was given whole."""


def _grow(branch: _Branch, path: str, text: str, schema: Mapping[str, Any]) -> None:
    segments = path.split(".")
    if len(segments) > _MAX_DEPTH:
        _refuse(f"nested deeper than {_MAX_DEPTH} levels", path)
    if not all(segments) or not _REFUSED_SEGMENTS.isdisjoint(segments):
        _refuse("not a path that can be set: a segment is empty or reserved by JavaScript", path)
    for segment in segments[:-1]:
        branch = branch.setdefault(segment, _Branch())
        if not isinstance(branch, _Branch):
            _refuse("given both a value and members", path)
    if segments[-1] in branch:
        _refuse("given both a value and members", path)
    branch[segments[-1]] = text if _wants_string(schema, segments) else _json_or_text(text)


def _wants_string(schema: Mapping[str, Any], segments: list[str]) -> bool:
    """Return whether the schema allows nothing but a string there; references are not followed."""
    for segment in segments:
        properties = schema.get("properties")
        inner = properties.get(segment) if isinstance(properties, dict) else None
        if inner is None and segment.isdecimal():
            inner = schema.get("items")
        if not isinstance(inner, dict):
            return False
        schema = inner
    return schema.get("type") in ("string", ["string"])


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _overlaid(lower: Any, upper: Any, path: str) -> Any:
    """Return `lower` with the members that a branch names set."""
    if not isinstance(upper, _Branch):
        return upper
    if isinstance(lower, list) or (not isinstance(lower, dict) and all(map(_is_index, upper))):
        return _overlaid_list(lower if isinstance(lower, list) else [], upper, path)
    return _overlaid_object(lower if isinstance(lower, dict) else {}, upper, path)


def _overlaid_object(lower: dict[str, Any], upper: _Branch, path: str) -> dict[str, Any]:
    members = dict(lower)
    for name, value in upper.items():
        members[name] = _overlaid(members.get(name), value, f"{path}.{name}" if path else name)
    return members


def _overlaid_list(lower: list[Any], upper: _Branch, path: str) -> list[Any]:
    items = list(lower)
    if not all(map(_is_index, upper)):
        _refuse("an array: its items are numbered from 0", path)
    for index in sorted(map(int, upper)):
        if index > len(items):
            _refuse(f"an array without an item {len(items)}", path)
        value = _overlaid(items[index] if index < len(items) else None, upper[str(index)], f"{path}.{index}")
        items[index : index + 1] = [value]
    return items


def _is_index(segment: str) -> bool:
    return segment.isascii() and segment.isdecimal() and len(segment) < 5 and segment == str(int(segment))


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _refuse(reason: str, path: str) -> NoReturn:
    pointer = "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in path.split("."))
    raise InvalidConfig(f"parameter {path}: {reason}", {"errors": [{"pointer": pointer, "reason": reason}]})
