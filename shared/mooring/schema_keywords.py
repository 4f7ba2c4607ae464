"""Keywords of a JSON Schema that stand by themselves: which ones refuse what others accept (no I/O).

Given are two schemas without alternatives, and the types of the values that the old one accepts. `refusing`
may name too many keywords, never too few.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mooring.schemas import text

Types = frozenset[str]
Object = dict[str, Any]

_NUMBERS: Types = frozenset({"integer", "number"})
EVERY_TYPE: Types = frozenset({"null", "boolean", "string", "array", "object"}) | _NUMBERS
_LEAST = {"minLength": "string", "minItems": "array", "minProperties": "object"}
_MOST = {"maxLength": "string", "maxItems": "array", "maxProperties": "object"}
_BOUNDS = (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1))


def refusing(old: Object, new: Object, types: Types) -> Iterator[str]:
    """Give the keywords of `new` that refuse something that `old` accepts."""
    if not types <= _declared(new):
        yield "type"
    yield from _of_values(old, new, types)
    if types & _NUMBERS:
        yield from _of_numbers(old, new, types)
    yield from _of_sizes(old, new, types)


def accepted_types(schema: Object) -> Types:
    """Return the types of the values that are accepted; where "number" is, "integer" is too."""
    types = _declared(schema)
    values = _listed(schema)
    return types if values is None else types & {_type(value) for value in values}


def members(schema: Object) -> dict[str, Any]:
    """Return the properties that are named."""
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _of_values(old: Object, new: Object, types: Types) -> Iterator[str]:
    values = _every_value(old, types)
    for keyword in ("const", "enum"):
        if keyword in new:
            accepted = {text(value) for value in _listed({keyword: new[keyword]}) or ()}
            if values is None or not all(text(value) in accepted for value in values):
                yield keyword


def _of_numbers(old: Object, new: Object, types: Types) -> Iterator[str]:
    for plain, exclusive, sign in _BOUNDS:
        before, now = _bound(old, plain, exclusive, sign), _bound(new, plain, exclusive, sign)
        if now is not None and (before is None or before < now):
            yield exclusive if exclusive in new else plain
        elif isinstance(new.get(exclusive), bool) and old.get(exclusive) != new[exclusive]:
            yield exclusive  # of draft-04, where it is a property of the bound
    step = _step(new)
    if step:
        before_it = _step(old) or (None if "number" in types else Fraction(1))
        if before_it is None or (before_it / step).denominator != 1:
            yield "multipleOf"


def _of_sizes(old: Object, new: Object, types: Types) -> Iterator[str]:
    for keyword, kind in _LEAST.items():
        if kind in types and _size(new, keyword, 0) > _size(old, keyword, 0):
            yield keyword
    for keyword, kind in _MOST.items():
        if kind in types and _size(new, keyword, math.inf) < _size(old, keyword, math.inf):
            yield keyword
    if "array" in types and new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
        yield "uniqueItems"
    if "object" in types and _required(new) - _required(old):
        yield "required"


def _declared(schema: Object) -> Types:
    stated = schema.get("type")
    if isinstance(stated, str):
        stated = [stated]
    if not isinstance(stated, list):
        return EVERY_TYPE
    names = {name for name in stated if isinstance(name, str)}
    return frozenset(names | _NUMBERS if "number" in names else names)


def _listed(schema: Object) -> list[Any] | None:
    """Return the values of `const` or `enum`; None: neither is stated."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _every_value(schema: Object, types: Types) -> list[Any] | None:
    """Return every value that is accepted, or some more; None: they are too many to name."""
    values = _listed(schema)
    if values is not None:
        return [value for value in values if _type(value) in types]
    if types <= {"null", "boolean"}:
        return [value for value in (None, True, False) if _type(value) in types]
    return None


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def _bound(schema: Object, plain: str, exclusive: str, sign: int) -> tuple[float, int] | None:
    """Return the stricter of two bounds: the larger, the stricter."""
    stated = [
        (sign * schema[keyword], is_exclusive)
        for is_exclusive, keyword in enumerate((plain, exclusive))
        if _is_number(schema.get(keyword))
    ]
    return max(stated, default=None)


def _step(schema: Object) -> Fraction | None:
    step: Any = schema.get("multipleOf")
    return Fraction(str(step)) if _is_number(step) and step > 0 else None


def _size(schema: Object, keyword: str, otherwise: float) -> float:
    size: Any = schema.get(keyword)
    return float(size) if _is_number(size) else otherwise


def _required(schema: Object) -> set[str]:
    names = schema.get("required")
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
