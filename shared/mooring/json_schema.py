"""What does not fit a JSON Schema: 2020-12, or the dialect that its `$schema` names.

Errors are `{"pointer": "/a/b", "reason": "…"}`. Reasons are made of the schema alone and never of the value,
which may be a secret. `format` is an annotation, as the standard has it. Importing this costs some 60 ms.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, UnknownDialect, specification_with

Schema = Mapping[str, Any]
Error = dict[str, str]

_DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_ERRORS = 50
_MAX_LISTED = 20  # of the values of an enum
_REFERENCES = ("$ref", "$dynamicRef")
_REASONS = {
    "const": "must be {}",
    "exclusiveMaximum": "must be under {}",
    "exclusiveMinimum": "must be over {}",
    "maxItems": "must have at most {} items",
    "maxLength": "must have at most {} characters",
    "maxProperties": "must have at most {} properties",
    "maximum": "must be at most {}",
    "minItems": "must have at least {} items",
    "minLength": "must have at least {} characters",
    "minProperties": "must have at least {} properties",
    "minimum": "must be at least {}",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match the pattern {}",
}


def errors(schema: Schema, instance: Any) -> list[Error]:
    """Return what of `instance` does not fit a schema that `schema_errors` has passed, sorted by pointer."""
    dialect = validator_for(schema, default=Draft202012Validator)
    # The package's own default registry fetches remote references over HTTP.
    return _collected(dialect(schema, registry=EMPTY_REGISTRY), instance)


def schema_errors(schema: Schema) -> list[Error]:
    """Return what keeps `schema` from being used: breaches of its dialect, references that lead out of it."""
    try:
        specification = specification_with(schema.get("$schema", _DEFAULT_DIALECT))
    except (UnknownDialect, AttributeError):  # AttributeError: it is no string
        return [{"pointer": "/$schema", "reason": "names no dialect of JSON Schema that is known here"}]
    dialect = validator_for(schema, default=Draft202012Validator)
    validator = dialect(dialect.META_SCHEMA, format_checker=dialect.FORMAT_CHECKER)
    found = _collected(validator, schema)
    if found:
        return found
    resolver = EMPTY_REGISTRY.resolver_with_root(specification.create_resource(schema))
    for pointer, reference in _references(schema):
        try:
            resolver.lookup(reference)
        except (Unresolvable, ValueError):
            found.append({"pointer": pointer, "reason": "must point to a place within the schema itself"})
    return found


def _references(schema: Schema) -> Iterator[tuple[str, str]]:
    pending: list[tuple[str, Any]] = [("", schema)]
    while pending:
        at, member = pending.pop()
        if isinstance(member, dict):
            for keyword in _REFERENCES:
                if isinstance(member.get(keyword), str):
                    yield f"{at}/{keyword}", member[keyword]
            pending += [(at + _pointer([name]), inner) for name, inner in member.items()]
        elif isinstance(member, list):
            pending += [(f"{at}/{index}", inner) for index, inner in enumerate(member)]


def _collected(validator: Validator, instance: Any) -> list[Error]:
    found: dict[str, str] = {}
    try:
        for error in validator.iter_errors(instance):
            for pointer, reason in _explain(error):
                found.setdefault(pointer, reason)
            if len(found) >= _MAX_ERRORS:
                break
    except Unresolvable:
        found[""] = "cannot be checked: the schema refers to something outside itself"
    except RecursionError:
        found[""] = "cannot be checked: nested too deep"
    return [{"pointer": pointer, "reason": found[pointer]} for pointer in sorted(found)]


def _explain(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the reason of one error; what is missing or extra is pointed at itself."""
    at = _pointer(error.absolute_path)
    instance: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required" and isinstance(wanted, list):
        for name in wanted:
            if name not in instance:
                yield at + _pointer([name]), "is required"
    elif error.validator == "additionalProperties" and wanted is False:
        for name in _unknown_properties(error.schema, instance):
            yield at + _pointer([name]), "is not a property of the schema"
    else:
        yield at, _reason(error.validator, wanted)


def _reason(keyword: Any, wanted: Any) -> str:
    match keyword:
        case "type":
            return "must be of type " + (wanted if isinstance(wanted, str) else " or ".join(wanted))
        case "enum":
            listed = ", ".join(json.dumps(value) for value in wanted[:_MAX_LISTED])
            return f"must be one of {listed}" + (", …" if len(wanted) > _MAX_LISTED else "")
        case "format":
            return f"must be a {wanted}"
        case "anyOf":
            return "fits none of the alternatives"
        case "unevaluatedProperties":
            return "has a property that does not fit the schema"
        case str() if keyword in _REASONS:
            return _REASONS[keyword].format(json.dumps(wanted))
        case str():
            return f"does not meet {keyword}"
    return "must not be there"  # the schema of this place is `false`


def _unknown_properties(schema: Any, instance: dict[str, Any]) -> list[str]:
    properties = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [
        name
        for name in instance
        if name not in properties and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _pointer(path: Any) -> str:
    """Return the JSON Pointer (RFC 6901) of a path of names and indices."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
