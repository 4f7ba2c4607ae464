import jsonschema

from mooring import placeholders

SCHEMA = {
    "type": "object",
    "required": [
        "key",
        "mode",
        "port",
        "ratio",
        "debug",
        "tags",
        "nested",
        "either",
        "site",
        "long",
        "shown",
    ],
    "properties": {
        "key": {"type": "string"},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "port": {"type": "integer", "minimum": 1024},
        "ratio": {"type": ["number", "null"]},
        "debug": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "nested": {
            "type": "object",
            "required": ["inner"],
            "properties": {"inner": {"type": "string"}},
            "additionalProperties": False,
        },
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "site": {"type": "string", "format": "uri"},
        "long": {"type": "string", "minLength": 40},
        "shown": {"type": "string", "examples": ["sk-1"]},
        "optional": {"type": "string"},
        "usual": {"type": "integer", "default": 7},
    },
    "additionalProperties": False,
}


def test_a_made_up_configuration_fits_its_schema() -> None:
    made = placeholders.config(SCHEMA)

    jsonschema.validate(made, SCHEMA)
    assert made["key"] == "placeholder"
    assert made["mode"] == "fast"
    assert made["shown"] == "sk-1"


def test_of_what_is_optional_only_defaults_are_given() -> None:
    made = placeholders.config(SCHEMA)

    assert made["usual"] == 7
    assert "optional" not in made


def test_a_schema_that_says_nothing_or_nonsense_gives_an_empty_configuration() -> None:
    assert placeholders.config({}) == {}
    assert placeholders.config({"properties": {"a": True}, "required": "a"}) == {}


def test_a_schema_without_end_gives_a_finite_configuration() -> None:
    schema: dict[str, object] = {"type": "object", "required": ["self"]}
    schema["properties"] = {"self": schema}

    assert isinstance(placeholders.config(schema), dict)
