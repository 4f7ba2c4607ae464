"""The rule of `mooring.narrowing`, held to what a validator of JSON Schema says."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mooring import narrowing
from mooring.narrowing import Budget, Difference
from mooring.schemas import canonical

SCALARS = [None, True, False, -2, -1, 0, 1, 2, 3, 0.5, 1.5, "", "a", "b", "ab", "aab", "bba"]
LISTS = [[], [1], ["a"], [None], [1, 1], [1, "a"], ["a", "b"], ["a", "a", 1], [[1], ["a"]], [{"p": 1}]]
MEMBERS = [None, 1, 2, "a", "ab", [1], {"q": 1}]
OBJECTS: list[Any] = [
    {},
    *({name: value} for name in "pqr" for value in MEMBERS),
    *({"p": one, "q": other} for one in (1, "a") for other in (1, "a", None)),
    {"p": 1, "q": 1, "r": 1},
]
VALUES: list[Any] = [*SCALARS, *LISTS, *OBJECTS]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
NUMBERS = st.integers(-3, 3)
COUNTS = st.integers(0, 3)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    "enum": st.lists(st.sampled_from(SCALARS), max_size=3),
    "const": st.sampled_from(SCALARS),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
    "multipleOf": st.integers(1, 4),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), COUNTS
    ),
    "pattern": st.sampled_from(["^a", "b$"]),
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from("pqr"), max_size=2, unique=True),
}
DEFINITIONS = ("d", "e")


def with_keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keywords = {
        **LEAVES,
        "properties": st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
        "additionalProperties": inner,
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^p", "q"]), inner, min_size=1, max_size=1),
        **dict.fromkeys(("anyOf", "oneOf", "allOf"), st.lists(inner, min_size=1, max_size=2)),
        **dict.fromkeys(("not", "if", "then", "contains", "propertyNames", "unevaluatedProperties"), inner),
        "$ref": st.sampled_from([f"#/$defs/{name}" for name in DEFINITIONS]),
    }
    return few(keywords)


def few(keywords: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Many keywords together accept nothing."""
    names = st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True)
    return names.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


SCHEMAS = st.recursive(st.booleans() | few(LEAVES), with_keywords, max_leaves=5)
ROOTS = st.builds(
    lambda schema, definitions: {**schema, "$defs": definitions} if isinstance(schema, dict) else schema,
    SCHEMAS,
    st.fixed_dictionaries(
        {name: st.sampled_from([{"type": "string"}, {"minimum": 1}, True]) for name in DEFINITIONS}
    ),
)


@st.composite
def changed(draw: st.DrawFn) -> tuple[Any, Any]:
    """Give a schema, and often the same with one of its parts exchanged: two by chance share nothing."""
    before = draw(ROOTS)
    if draw(st.integers(0, 9)) == 0:
        return before, draw(ROOTS)
    return before, _exchanged(draw, before)


def _exchanged(draw: st.DrawFn, schema: Any) -> Any:
    if not isinstance(schema, dict) or not schema:
        return draw(SCHEMAS)
    if draw(st.booleans()):
        return {**schema, **draw(few(LEAVES))}
    name = draw(st.sampled_from(sorted(schema)))
    value = schema[name]
    if name in ("properties", "$defs", "patternProperties") and value:
        member = draw(st.sampled_from(sorted(value)))
        return {**schema, name: {**value, member: _exchanged(draw, value[member])}}
    if name in ("items", "additionalProperties", "not", "contains"):
        return {**schema, name: _exchanged(draw, value)}
    if name in ("anyOf", "oneOf", "allOf"):
        return {**schema, name: [_exchanged(draw, value[0]), *value[1:]]}
    rest = {other: schema[other] for other in schema if other != name}
    return rest if name not in LEAVES or draw(st.booleans()) else {**rest, name: draw(LEAVES[name])}


def narrowed(before: Any, after: Any) -> list[Difference]:
    return narrowing.narrowed(before, after, Budget())


@settings(max_examples=400, deadline=None)
@given(changed())
def test_no_change_that_refuses_a_value_that_was_accepted_is_missed(pair: tuple[Any, Any]) -> None:
    before, after = pair
    with patch.object(narrowing, "IS_UNNAMED_UNUSED", False):  # a validator knows no such thing
        if narrowed(canonical(before), canonical(after)):
            return
    accepts, still_accepts = Draft202012Validator(before).is_valid, Draft202012Validator(after).is_valid
    try:
        missed = [value for value in VALUES if accepts(value) and not still_accepts(value)]
    except RecursionError:  # a schema that is nothing but itself says nothing
        reject()
    assert missed == []


@settings(max_examples=300, deadline=None)
@given(ROOTS)
def test_a_schema_accepts_all_that_it_accepts(schema: Any) -> None:
    assert narrowed(canonical(schema), canonical(schema)) == []


@settings(max_examples=300, deadline=None)
@given(SCHEMAS)
def test_what_accepts_everything_refuses_nothing(schema: Any) -> None:
    assert narrowed(canonical(schema), {"description": "anything"}) == []


def test_a_schema_made_to_keep_us_busy_is_not_compared_to_its_end() -> None:
    """Each level has two alternatives of two: 2^60 comparisons."""
    levels = {
        str(level): {"anyOf": [{"items": {"$ref": f"#/$defs/{level + 1}"}, "minItems": n} for n in (1, 2)]}
        for level in range(60)
    }
    before = {"$defs": {**levels, "60": {"type": "string"}}, "$ref": "#/$defs/0"}
    after = {"$defs": {**levels, "60": {"type": "null"}}, "$ref": "#/$defs/0"}

    budget = Budget()
    assert narrowing.narrowed(before, after, budget)
    assert budget.characters > narrowing.MAX_CHARACTERS_IN_ALL - 2 * narrowing.MAX_CHARACTERS


def test_many_of_them_share_what_may_be_looked_at() -> None:
    budget = Budget()
    budget.characters = 0
    assert narrowing.narrowed({"type": "string"}, {"type": ["string", "null"]}, budget)


@pytest.mark.parametrize("reference", ["#", "#/$defs/loop", "#/$defs/gone", "https://example.com/s.json", 7])
def test_a_reference_that_leads_nowhere_is_compared_as_it_is_written(reference: Any) -> None:
    schema = {"$defs": {"loop": {"$ref": "#/$defs/loop"}}, "$ref": reference}

    assert narrowed({"type": "string"}, schema)
    assert narrowed(schema, schema) == []


def test_a_schema_inside_itself_is_compared_once_around() -> None:
    before = {"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}
    after: dict[str, Any] = {
        "$defs": {"m": {"properties": {"next": {"$ref": "#/$defs/m"}}}},
        "$ref": "#/$defs/m",
    }
    assert narrowed(before, after) == []

    after["$defs"]["m"]["required"] = ["next"]
    assert narrowed(before, after)


def test_schemas_that_are_none_are_survived() -> None:
    """They come from strangers."""
    strange = {
        "type": {"a": 1},
        "enum": 3,
        "required": "all",
        "properties": [1],
        "anyOf": "x",
        "minimum": "1",
    }
    assert narrowed(canonical(strange), canonical({"type": "object"}))
    narrowed(canonical({"type": "object"}), canonical(strange))
    deep: Any = {}
    for _ in range(narrowing.MAX_DEPTH * 3):
        deep = {"properties": {"a": deep}}
    assert narrowed(canonical({}), canonical({"properties": {"a": deep}})) == []
    assert narrowed(canonical(deep), canonical({"type": "object", **deep}))
