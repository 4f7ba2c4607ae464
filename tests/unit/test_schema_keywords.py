from typing import Any

import pytest

from mooring.schema_keywords import accepted_types, refusing


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "number"}, {"number", "integer"}),
        ({"enum": ["a", 1.0, True, None]}, {"string", "integer", "boolean", "null"}),
        ({"type": "string", "enum": ["a", 1]}, {"string"}),
        ({"const": {"a": 1}}, {"object"}),
    ],
)
def test_the_types_that_are_accepted_are_those_of_its_values(schema: dict[str, Any], types: set[str]) -> None:
    assert accepted_types(schema) == types


def test_a_keyword_that_speaks_of_no_value_there_is_refuses_none() -> None:
    assert (
        list(refusing({"type": "integer"}, {"minLength": 3, "required": ["a"]}, frozenset({"integer"}))) == []
    )


def test_booleans_are_few_enough_to_be_listed() -> None:
    every = {"enum": [True, False]}
    assert list(refusing({"type": "boolean"}, every, frozenset({"boolean"}))) == []
    assert list(refusing({"type": "boolean"}, {"enum": [True]}, frozenset({"boolean"}))) == ["enum"]
