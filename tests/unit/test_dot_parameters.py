import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.dot_parameters import overlay
from mooring.errors import InvalidConfig

words = st.text(st.characters(codec="utf-8")).map(lambda text: "x" + text)  # never read as JSON
scalars = st.none() | st.booleans() | st.integers() | words
names = st.text("abcxyz_-$", min_size=1, max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


def as_dot_parameters(value: Any, path: tuple[str, ...] = ()) -> dict[str, str]:
    """Return what appendConfigAsDotParams of @smithery/sdk 1.7.5 makes of a configuration."""
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = [(str(index), member) for index, member in enumerate(value)]
    else:
        return {".".join(path): value if isinstance(value, str) else json.dumps(value)}
    return {
        key: text
        for name, member in members
        for key, text in as_dot_parameters(member, (*path, name)).items()
    }


def deep(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(deep, members), default=0)


@given(st.dictionaries(names, values).filter(lambda config: deep(config) < 8))
def test_what_the_smithery_sdk_writes_is_read_back(config: dict[str, Any]) -> None:
    assert overlay({}, as_dot_parameters(config), {}) == config


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=8), max_size=6), values)
def test_any_parameters_give_a_document_or_an_error_of_the_client(query: dict[str, str], value: Any) -> None:
    try:
        overlay({"a": value}, query, {})
    except InvalidConfig as error:
        assert error.data


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.5", 1.5), ("true", True), ("null", None), ('"1"', "1"), ('{"a":[1]}', {"a": [1]})]
    + [(text, text) for text in ("abc", "", "1a", "NaN", "-Infinity", "{", "9" * 5000, "[" * 5000)],
)
def test_a_value_is_json_where_it_parses_and_text_otherwise(text: str, value: Any) -> None:
    assert overlay({}, {"a.b": text}, {}) == {"a": {"b": value}}


def test_where_the_schema_wants_a_string_digits_are_one() -> None:
    schema = {
        "properties": {
            "token": {"type": "string"},
            "port": {"type": ["string", "integer"]},
            "tags": {"items": {"type": "string"}},
        }
    }
    query = {"token": "12345", "port": "80", "tags.0": "true", "other": "1"}
    assert overlay({}, query, schema) == {"token": "12345", "port": 80, "tags": ["true"], "other": 1}


def test_members_are_set_within_what_is_there() -> None:
    below = {"a": {"x": 1, "deep": {"y": 2}}, "list": [1, {"z": 3}], "text": "t"}
    query = {"a.deep.y": "5", "list.1.z": "6", "list.2": "7", "text.now": "8"}
    assert overlay(below, query, {}) == {
        "a": {"x": 1, "deep": {"y": 5}},
        "list": [1, {"z": 6}, 7],
        "text": {"now": 8},
    }
    assert below == {"a": {"x": 1, "deep": {"y": 2}}, "list": [1, {"z": 3}], "text": "t"}


def test_numbers_are_names_where_there_is_an_object() -> None:
    assert overlay({"by_port": {"80": "a"}}, {"by_port.443": "b", "7": "c"}, {}) == {
        "by_port": {"80": "a", "443": "b"},
        "7": "c",
    }


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"a..b": "1"}, "/a//b"),
        ({".": "1"}, "//"),
        ({"": "1"}, "/"),
        ({"__proto__.admin": "1"}, "/__proto__/admin"),
        ({"a.constructor.prototype.x": "1"}, "/a/constructor/prototype/x"),
        ({"a.b.c.d.e.f.g.h.i": "1"}, "/a/b/c/d/e/f/g/h/i"),
        ({"a": "1", "a.b": "2"}, "/a/b"),
        ({"a.b": "2", "a": "1"}, "/a"),
        ({"list.1": "x"}, "/list"),
        ({"list.0": "x", "list.9999": "y"}, "/list"),
        ({"known.a": "x"}, "/known"),
        ({"a~b/c..": "x"}, "/a~0b~1c//"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused_by_its_pointer(query: dict[str, str], pointer: str) -> None:
    known: dict[str, Any] = {"known": [1]}
    with pytest.raises(InvalidConfig) as refused:
        overlay(known, query, {})
    assert refused.value.data
    assert [error["pointer"] for error in refused.value.data["errors"]] == [pointer]
