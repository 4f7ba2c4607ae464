import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.json_schema import errors, schema_errors

SECRET = "sk-9f8e7d6c"
DRAFT_07 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": ["integer", "null"]}, "must be of type integer or null"),
        ({"const": 1}, "must be 1"),
        ({"maxLength": 3}, "must have at most 3 characters"),
        ({"minLength": 90}, "must have at least 90 characters"),
        ({"anyOf": [{"type": "integer"}, {"maxLength": 1}]}, "fits none of the alternatives"),
        ({"oneOf": [{"type": "string"}, {"minLength": 1}]}, "does not meet oneOf"),
        ({"not": {"type": "string"}}, "does not meet not"),
        ({"allOf": [{"type": "integer"}]}, "must be of type integer"),
        ({"$ref": "#/$defs/number", "$defs": {"number": {"type": "number"}}}, "must be of type number"),
        ({"enum": list(range(30))}, "must be one of " + ", ".join(map(str, range(20))) + ", …"),
    ],
)
def test_a_reason_is_made_of_the_schema_alone(schema: dict[str, Any], reason: str) -> None:
    found = errors({"properties": {"a": schema, "b": True}, "$defs": schema.get("$defs", {})}, {"a": SECRET})
    assert found == [{"pointer": "/a", "reason": reason}]


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        ({"required": ["a", "b/c", "known"]}, ["/a", "/b~1c"]),
        ({"properties": {"known": {"required": ["x"]}}}, ["/known/x"]),
        ({"additionalProperties": False}, ["/known", "/list"]),
        ({"patternProperties": {"^k": {}}, "additionalProperties": False}, ["/list"]),
        ({"properties": {"list": {"items": {"type": "integer"}}}}, ["/list/1"]),
        ({"minProperties": 3}, [""]),
        ({"properties": {"known": {}}, "unevaluatedProperties": False}, [""]),
        ({"$schema": DRAFT_07, "dependencies": {"known": ["other"]}}, [""]),
    ],
)
def test_an_error_points_at_what_has_to_change(schema: dict[str, Any], pointers: list[str]) -> None:
    assert [error["pointer"] for error in errors(schema, {"known": {}, "list": [1, "x"]})] == pointers


values = st.sampled_from([SECRET, [SECRET], {"x": SECRET}, 5, None])
keywords = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "array", "object", ["null", "boolean"]]),
        "enum": st.just([1, "a"]),
        "not": st.just({}),
        "items": st.just(False),
        "contains": st.just({"type": "integer"}),
        "properties": st.just({"x": {"type": "integer"}}),
        "additionalProperties": st.just(False),
        "propertyNames": st.just({"maxLength": 0}),
        "maxLength": st.just(1),
        "minimum": st.just(7),
        "maxProperties": st.just(0),
        "dependentRequired": st.just({"x": ["y"]}),
        "if": st.just({}),
        "then": st.just(False),
    },
)


@given(keywords, values)
def test_no_reason_has_what_was_received(schema: dict[str, Any], value: Any) -> None:
    assert SECRET not in json.dumps(errors({"properties": {"a": schema}}, {"a": value}))


def test_formats_are_annotations() -> None:
    assert errors({"properties": {"a": {"format": "email"}}}, {"a": "nobody"}) == []


def test_a_schema_that_never_ends_is_an_error_and_no_crash() -> None:
    assert errors({"$ref": "#"}, {})[0]["reason"].startswith("cannot be checked")


def test_a_reference_to_another_host_is_not_followed() -> None:
    """The library's own default would ask for it, from within the platform's network."""
    found = errors({"properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}}, {"a": 1})
    assert found == [
        {"pointer": "", "reason": "cannot be checked: the schema refers to something outside itself"}
    ]


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": {"a": {"type": "text"}}}, "/properties/a/type"),
        ({"required": "a"}, "/required"),
        ({"properties": {"a": {"pattern": "(["}}}, "/properties/a/pattern"),
        ({"$schema": "https://example.com/own"}, "/$schema"),
        ({"$schema": 7}, "/$schema"),
        ({"properties": {"a": {"$ref": "https://example.com/x.json"}}}, "/properties/a/$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "/properties/a/$ref"),
        ({"allOf": [{"$ref": "other.json"}]}, "/allOf/0/$ref"),
        ({"items": {"$dynamicRef": "https://example.com/x.json#y"}}, "/items/$dynamicRef"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_by_its_pointer(schema: dict[str, Any], pointer: str) -> None:
    assert pointer in [error["pointer"] for error in schema_errors(schema)]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": DRAFT_07, "definitions": {"x": {}}, "properties": {"a": {"$ref": "#/definitions/x"}}},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
        {
            "$id": "https://example.com/own",
            "$defs": {"x": {"$anchor": "y"}},
            "properties": {"a": {"$ref": "#y"}},
        },
        {"$defs": {"x": {"$dynamicAnchor": "y"}}, "properties": {"a": {"$dynamicRef": "#y"}}},
        {"properties": {"$ref": {"type": "string", "format": "password", "x-from": {"query": "r"}}}},
    ],
)
def test_a_schema_that_stands_on_its_own_is_accepted(schema: dict[str, Any]) -> None:
    assert schema_errors(schema) == []
