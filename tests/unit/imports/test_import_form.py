from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring import configuration
from mooring.imports.form import Form, config_schema
from mooring.imports.server_json import InputWithVariables

Json = dict[str, Any]


def asked(**wanted: Any) -> Json:
    """Return the property of one input."""
    form = form_of(value=wanted)
    return form.properties["value"]


def form_of(kind: str = "env", /, **wanted: Json) -> Form:
    """Return the form that asks for inputs, by their names."""
    form = Form()
    for name, one in wanted.items():
        form.add(name, kind, InputWithVariables.model_validate(one))
    return form


def test_a_plain_input_is_a_text() -> None:
    assert asked(description="The city") == {"type": "string", "description": "The city"}


def test_a_secret_is_a_password_that_is_only_written() -> None:
    assert asked(isSecret=True) == {"type": "string", "format": "password", "writeOnly": True}


def test_a_secret_number_is_only_written() -> None:
    assert asked(isSecret=True, format="number") == {"type": "number", "writeOnly": True}


def test_choices_are_an_enum_without_doubles() -> None:
    assert asked(choices=["eu", "us", "eu"])["enum"] == ["eu", "us"]


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [("number", "8080", 8080), ("number", "0.5", 0.5), ("boolean", "true", True)],
)
def test_a_default_is_of_the_type_of_its_format(kind: str, default: str, value: object) -> None:
    assert asked(format=kind, default=default) == {"type": kind, "default": value}


@pytest.mark.parametrize("default", ["many", "NaN", "1e999"])
def test_an_input_whose_default_is_not_of_its_format_is_a_text(default: str) -> None:
    assert asked(format="number", default=default) == {"type": "string", "default": default}


def test_an_input_whose_choices_are_not_of_its_format_is_a_text() -> None:
    assert asked(format="number", choices=["1", "all"]) == {"type": "string", "enum": ["1", "all"]}


def test_a_default_that_is_no_choice_is_left_out() -> None:
    assert "default" not in asked(choices=["eu", "us"], default="asia")


def test_an_empty_default_is_none() -> None:
    assert asked(format="number", default="") == {"type": "number"}


def test_a_path_of_a_file_is_marked_as_one() -> None:
    assert asked(format="filepath") == {"type": "string", "format": "filepath"}


def test_a_placeholder_is_an_example() -> None:
    assert asked(placeholder="sk-…")["examples"] == ["sk-…"]


def test_what_is_required_is_listed_in_the_order_of_the_properties() -> None:
    form = form_of(b={"isRequired": True}, a={}, c={"isRequired": True})
    assert config_schema([form]) == {
        "type": "object",
        "properties": {"b": {"type": "string"}, "a": {"type": "string"}, "c": {"type": "string"}},
        "required": ["b", "c"],
    }


def test_who_asks_for_nothing_has_no_config_schema() -> None:
    assert config_schema([]) is None
    assert config_schema([Form(), Form()]) is None


def test_a_property_of_two_ways_is_described_as_the_first_does() -> None:
    schema = config_schema([form_of(key={"description": "one"}), form_of(key={"description": "two"})])
    assert schema and schema["properties"]["key"]["description"] == "one"


def test_a_repeated_input_is_a_list() -> None:
    form = Form()
    form.add("path", "argument", InputWithVariables(description="A folder"), is_repeated=True)
    assert form.properties["path"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "A folder",
    }


def test_two_inputs_told_in_the_same_words_are_one_property() -> None:
    form = Form()
    form.add("token", "env", InputWithVariables())
    form.add("token", "argument", InputWithVariables())
    assert form.properties.keys() == {"token"}


def test_two_different_inputs_of_one_name_are_two_properties() -> None:
    form = Form()
    for text in ("one", "two", "three", "two"):
        form.add("token", "env", InputWithVariables(description=text))
    described = {name: property_["description"] for name, property_ in form.properties.items()}
    assert described == {"token": "one", "env_token": "two", "env_token_2": "three"}


def test_a_name_that_a_connect_url_needs_itself_gets_its_kind_in_front() -> None:
    assert form_of("argument", session={}).properties.keys() == {"argument_session"}


@pytest.mark.parametrize(
    ("flag", "name"), [("--a.b c", "a-b-c"), ("--", "argument"), ("", "argument"), ("-v", "v")]
)
def test_a_name_holds_no_dot_and_no_leading_dash_and_is_never_empty(flag: str, name: str) -> None:
    form = Form()
    form.add(flag, "argument", InputWithVariables())
    assert form.properties.keys() == {name}


def test_a_fixed_value_asks_for_nothing() -> None:
    assert form_of(MODE={"value": "http"}).properties == {}


def test_the_variables_of_a_value_are_asked_for_and_other_braces_are_not() -> None:
    form = form_of(
        "header",
        Authorization={
            "value": "Bearer {token} {other}",
            "isRequired": True,
            "variables": {"token": {"isSecret": True}},
        },
    )
    assert form.properties == {"token": {"type": "string", "format": "password", "writeOnly": True}}
    assert form.required == {"token"}


def test_a_variable_with_a_default_is_not_required_by_its_text() -> None:
    form = form_of(
        REGION={"value": "{region}", "isRequired": True, "variables": {"region": {"default": "eu"}}}
    )
    assert form.properties.keys() == {"region"}
    assert form.required == set()


def test_a_variable_with_a_value_asks_for_nothing() -> None:
    assert form_of(PATH={"value": "{a}", "variables": {"a": {"value": "x"}}}).properties == {}


texts = st.text(max_size=8)
inputs = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["string", "number", "boolean", "filepath", "colour"]),
        "default": texts | st.sampled_from(["1", "true", "1e5"]),
        "choices": st.lists(texts | st.sampled_from(["1", "1.0", "true", "True"]), max_size=4),
        "isRequired": st.booleans(),
        "isSecret": st.booleans(),
        "placeholder": texts,
        "description": texts,
    },
)


@given(st.lists(st.tuples(texts, st.sampled_from(["env", "argument"]), inputs, st.booleans()), max_size=6))
def test_every_form_is_a_config_schema_whose_defaults_fit_it(
    wanted: list[tuple[str, str, Json, bool]],
) -> None:
    form = Form()
    for name, kind, one, is_repeated in wanted:
        form.add(name, kind, InputWithVariables.model_validate(one), is_repeated=is_repeated)
    schema = config_schema([form]) or {}
    configuration.check_schema(schema)
    configuration.check({}, {**schema, "required": []})
