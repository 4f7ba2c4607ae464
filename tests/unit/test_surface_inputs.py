"""How a change of a tool's input schema is told: does it break a caller?"""

from typing import Any

import pytest

from mooring import surface

CITY = {"type": "string", "description": "Where"}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def input_changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, bool]:
    """Return which changes there are of a tool's input, and whether each is breaking."""
    tool = {"name": "t", "inputSchema": before}
    found = surface.diff({"tools": [tool]}, {"tools": [{**tool, "inputSchema": after}]})
    return {change.change: change.is_breaking for change in found}


NARROWED = {
    "a new required property": (schema(), {**schema(a={}), "required": ["a"]}),
    "a property that becomes required": (schema(a={}), {**schema(a={}), "required": ["a"]}),
    "a removed property that is refused now": (
        {**schema(a={}, b={}), "additionalProperties": False},
        {**schema(a={}), "additionalProperties": False},
    ),
    "a type": (schema(a={"type": ["string", "integer"]}), schema(a={"type": "string"})),
    "an integer of a number": (schema(a={"type": "number"}), schema(a={"type": "integer"})),
    "an enum": (schema(a={"enum": ["x", "y"]}), schema(a={"enum": ["x"]})),
    "a new enum": (schema(a={"type": "string"}), schema(a={"type": "string", "enum": ["x"]})),
    "a range": (schema(a={"type": "integer", "maximum": 9}), schema(a={"type": "integer", "maximum": 8})),
    "a bound that is excluded": (
        schema(a={"type": "number", "minimum": 1}),
        schema(a={"type": "number", "exclusiveMinimum": 1}),
    ),
    "a length": (schema(a={"type": "string"}), schema(a={"type": "string", "maxLength": 3})),
    "a pattern": (schema(a={"type": "string"}), schema(a={"type": "string", "pattern": "^x"})),
    "the items of a list": (
        schema(a={"type": "array", "items": {"type": ["integer", "string"]}}),
        schema(a={"type": "array", "items": {"type": "string"}}),
    ),
    "a property inside": (
        schema(a=schema(b={"type": ["string", "null"]})),
        schema(a=schema(b={"type": "string"})),
    ),
    "an alternative": (
        schema(a={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        schema(a={"anyOf": [{"type": "string"}]}),
    ),
    "a definition that is referred to": (
        {"$defs": {"d": {"type": ["string", "null"]}}, **schema(a={"$ref": "#/$defs/d"})},
        {"$defs": {"d": {"type": "string"}}, **schema(a={"$ref": "#/$defs/d"})},
    ),
    "what is not understood": (schema(a={"not": {"const": 1}}), schema(a={"not": {"const": 2}})),
    "a schema that is closed": (schema(a={}), {**schema(a={}), "additionalProperties": False}),
}


@pytest.mark.parametrize(("before", "after"), NARROWED.values(), ids=NARROWED.keys())
def test_what_refuses_an_input_that_was_accepted_is_breaking(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert input_changes(before, after)["input-narrowed"] is True


WIDENED = {
    **{
        f"the other way: {what}": (after, before)
        for what, (before, after) in NARROWED.items()
        if what
        not in ("what is not understood", "a new required property", "a removed property that is refused now")
    },
    "a new property that may be left out": (schema(a={}), schema(a={}, b={"type": "string"})),
    "null as an alternative": (
        schema(a={"type": "string"}),
        schema(a={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    "a reference in place of what it refers to": (
        schema(a={"type": "string", "maxLength": 2}),
        {"$defs": {"d": {"type": "string"}}, **schema(a={"$ref": "#/$defs/d"})},
    ),
}


@pytest.mark.parametrize(("before", "after"), WIDENED.values(), ids=WIDENED.keys())
def test_what_accepts_more_is_not_breaking(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert input_changes(before, after) == {"input-widened": False}


REWRITTEN = {
    "a list of types as alternatives": (
        schema(a={"type": ["string", "null"]}),
        schema(a={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    "a reference": (
        schema(a={"type": "string"}),
        {"$defs": {"d": {"type": "string"}}, **schema(a={"allOf": [{"$ref": "#/$defs/d"}]})},
    ),
    "what a parameter is said to be": (
        schema(city=CITY),
        schema(city={**CITY, "description": "Send keys too"}),
    ),
    "a property that is not looked at any more": (schema(a={}, b={}), schema(a={})),
}


@pytest.mark.parametrize(("before", "after"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_what_accepts_the_same_is_a_change_that_breaks_nothing(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert input_changes(before, after) == {"input-changed": False}
