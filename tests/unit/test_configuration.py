import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring import configuration
from mooring.errors import InvalidConfig, InvalidRequest

SECRET = "sk-9f8e7d6c"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def refusal(query: dict[str, str], schema: dict[str, Any] | None = None) -> InvalidConfig:
    with pytest.raises(InvalidConfig) as refused:
        configuration.check(configuration.from_query(query), schema)
    return refused.value


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), json_values),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
    st.booleans(),
    st.booleans(),
)
def test_config_is_read_in_either_base64_padded_or_not_after_a_form_decoder_or_not(
    config: dict[str, Any], encode: Any, padded: bool, form_decoded: bool
) -> None:
    text = encode(json.dumps(config).encode()).decode()
    if not padded:
        text = text.rstrip("=")
    if form_decoded:
        text = text.replace("+", " ")
    assert configuration.from_query({"config": text}) == config


@given(st.text(max_size=60))
def test_any_config_parameter_gives_an_object_or_an_error_of_the_client(text: str) -> None:
    try:
        assert isinstance(configuration.from_query({"config": text}), dict)
    except InvalidConfig as error:
        assert error.http_status == 422


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{}", "not base64"),
        ("a", "not base64"),
        (encoded(b"\xff\xfe"), "not UTF-8"),
        (encoded("{'a': 1}"), "not JSON"),
        (encoded(" "), "not JSON"),
        (encoded('{"a": NaN}'), "cannot be read"),
        (encoded("[" * 1500), "cannot be read"),
        (encoded('["a"]'), "not an object"),
        (encoded("null"), "not an object"),
        (encoded('{"a":' * 40 + "1" + "}" * 40), "deeper than 32"),
        (encoded('{"a": "\\ud800"}'), "not Unicode"),
        (encoded('{"a": 1e999}'), "too large"),
    ],
)
def test_a_config_that_cannot_be_read_says_which_step_failed(config: str, reason: str) -> None:
    error = refusal({"config": config})
    assert reason in error.message
    assert error.data == {"errors": [{"pointer": "", "reason": error.message}]}


def test_dot_parameters_come_over_config_and_config_over_the_profile() -> None:
    stored = {
        "a": "profile",
        "b": "profile",
        "c": "profile",
        "deep": {"x": "profile", "y": "profile"},
        "list": [1, 2],
    }
    config = {"b": "config", "c": "config", "deep": {"y": "config"}, "list": [3]}
    query = {
        "config": encoded(json.dumps(config)),
        "c": "dot",
        "deep.z": "dot",
        "api_key": "mk_1",
        "session": "s",
    }
    assert configuration.from_query(query, stored) == {
        "a": "profile",
        "b": "config",
        "c": "dot",
        "deep": {"x": "profile", "y": "config", "z": "dot"},
        "list": [3],
    }


@pytest.mark.parametrize("name", sorted(configuration.RESERVED - {"config"}))
def test_a_reserved_parameter_is_never_configuration(name: str) -> None:
    assert configuration.from_query({name: "x"}) == {}


def test_a_server_without_a_schema_takes_any_configuration() -> None:
    for schema in (None, {}, {"type": "object"}, {"type": "object", "properties": {}, "title": "t"}):
        assert configuration.check({"a": 1}, schema) == {"a": 1}


def test_defaults_are_filled_in_and_what_was_given_stays_as_it_was() -> None:
    schema = {
        "properties": {
            "units": {"default": "metric"},
            "port": {"type": "integer", "default": 80},
            "server": {"properties": {"tls": {"default": True}}},
            "cache": {"default": {}, "properties": {"size": {"default": 5}}},
            "absent": {"properties": {"x": {"default": 1}}},
        }
    }
    config: dict[str, Any] = {"port": 81, "server": {}}
    assert configuration.check(config, schema) == {
        "units": "metric",
        "port": 81,
        "server": {"tls": True},
        "cache": {"size": 5},
    }
    assert config == {"port": 81, "server": {}}


def test_every_misfit_is_told_by_its_pointer_and_never_by_its_value() -> None:
    schema = {
        "type": "object",
        "required": ["apiKey"],
        "properties": {
            "apiKey": {"type": "string"},
            "region": {"enum": ["eu", "us"]},
            "limits": {
                "properties": {"perMinute": {"type": "integer", "maximum": 10}},
                "required": ["burst"],
            },
            "tags": {"items": {"pattern": "^[a-z]+$"}},
        },
        "additionalProperties": False,
    }
    config = {"region": SECRET, "limits": {"perMinute": SECRET}, "tags": ["ok", SECRET], "extra": SECRET}
    error = refusal({"config": encoded(json.dumps(config))}, schema)
    assert error.data == {
        "errors": [
            {"pointer": "/apiKey", "reason": "is required"},
            {"pointer": "/extra", "reason": "is not a property of the schema"},
            {"pointer": "/limits/burst", "reason": "is required"},
            {"pointer": "/limits/perMinute", "reason": "must be of type integer"},
            {"pointer": "/region", "reason": 'must be one of "eu", "us"'},
            {"pointer": "/tags/1", "reason": 'must match the pattern "^[a-z]+$"'},
        ]
    }
    assert SECRET not in json.dumps(error.as_http())
    assert error.message.endswith("/apiKey is required (and 5 more)")


@pytest.mark.parametrize("schema", [{"type": "array"}, {"type": ["object", "null"]}, {"properties": 5}])
def test_a_schema_of_something_else_than_an_object_is_not_published(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^configSchema"):
        configuration.check_schema(schema)
