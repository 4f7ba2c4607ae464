"""Which configSchemas are taken when a server is published: of both dialects, those that stand alone."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.registry import LAUNCH, publish

pytestmark = pytest.mark.integration

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"

GOOD: dict[str, dict[str, Any]] = {
    "no dialect": {"type": "object", "properties": {"a": {"type": "string"}}},
    "2020-12": {"$schema": DRAFT_2020, "$defs": {"x": {}}, "properties": {"a": {"$ref": "#/$defs/x"}}},
    "2020-12 words": {
        "$schema": DRAFT_2020,
        "dependentRequired": {"a": ["b"]},
        "dependentSchemas": {"a": {"minProperties": 2}},
        "properties": {"a": {"prefixItems": [{"type": "string"}], "unevaluatedItems": False}},
    },
    "draft-07 definitions": {
        "$schema": DRAFT_07,
        "definitions": {"x": {"type": "string"}},
        "properties": {"a": {"$ref": "#/definitions/x"}},
    },
    "draft-07 dependencies": {
        "$schema": DRAFT_07,
        "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
    },
    "draft-07 without its #": {"$schema": DRAFT_07.rstrip("#"), "properties": {"a": {"items": [{}, {}]}}},
    "annotations of others": {"properties": {"a": {"x-from": {"query": "q"}, "format": "password"}}},
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a remote $ref": ({"properties": {"a": {"$ref": "https://acme.test/x.json"}}}, "/properties/a/$ref"),
    "a remote $ref of draft-07": (
        {"$schema": DRAFT_07, "definitions": {"x": {"$ref": "http://127.0.0.1:9/x"}}},
        "/definitions/x/$ref",
    ),
    "a file": ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/properties/a/$ref"),
    "a remote $dynamicRef": (
        {"properties": {"a": {"$dynamicRef": "https://acme.test/x"}}},
        "/properties/a/$dynamicRef",
    ),
    "a $ref to nothing": ({"properties": {"a": {"$ref": "#/$defs/x"}}}, "/properties/a/$ref"),
    "a $ref that leads out of the other dialect": (
        {"$schema": DRAFT_07, "definitions": {}, "properties": {"a": {"$ref": "#/definitions/x"}}},
        "/properties/a/$ref",
    ),
    "a type that is none": ({"properties": {"a": {"type": "text"}}}, "/properties/a/type"),
    "properties in a list": ({"properties": [{"a": {}}]}, "/properties"),
    "required as a text": ({"required": "a"}, "/required"),
    "a minimum as a text": ({"properties": {"a": {"minimum": "1"}}}, "/properties/a/minimum"),
    "a pattern that is none": ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
    "dependencies of draft-07 as a text": (
        {"$schema": DRAFT_07, "dependencies": {"a": "b"}},
        "/dependencies/a",
    ),
    "required as draft-03 has it": ({"properties": {"a": {"required": True}}}, "/properties/a/required"),
    "items as draft-07 has them in 2020-12": (
        {"$schema": DRAFT_2020, "properties": {"a": {"items": [{}]}}},
        "/properties/a/items",
    ),
    "a dialect that nobody knows": ({"$schema": "https://acme.test/dialect"}, "/$schema"),
}


@pytest.mark.parametrize("schema", GOOD.values(), ids=GOOD.keys())
def test_a_schema_of_either_dialect_is_taken_as_it_is(http: TestClient, schema: dict[str, Any]) -> None:
    shown = publish(http, "acme/weather", release={"launch": LAUNCH, "configSchema": schema})
    assert shown["connections"][0]["configSchema"] == schema


@pytest.mark.parametrize("where", ["release", "server"])
@pytest.mark.parametrize(("schema", "pointer"), BAD.values(), ids=BAD.keys())
def test_a_schema_that_cannot_be_used_is_refused_with_its_place(
    http: TestClient, where: str, schema: dict[str, Any], pointer: str
) -> None:
    of_release = {"release": {"launch": LAUNCH, "configSchema": schema}}
    body = of_release if where == "release" else {"configSchema": schema}
    answer = http.put("/servers/acme/weather", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "InvalidRequest")
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert http.get("/servers/acme/weather").status_code == 404


@pytest.mark.parametrize("schema", [{"type": "array"}, {"type": "string"}, {"type": ["object", "null"]}])
def test_a_configuration_is_an_object(http: TestClient, schema: dict[str, Any]) -> None:
    answer = http.put("/servers/acme/weather", json={"configSchema": schema})
    assert answer.status_code == 422
    assert 'its type must be "object"' in answer.json()["message"]
