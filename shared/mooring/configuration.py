"""The configuration of one session: what a connect URL says, and whether it fits the server's configSchema.

Three sources, the later over the earlier: a stored profile; `config`, base64 of a JSON object; and dot
parameters, `a.b=1`: every parameter of the URL that is not RESERVED. Objects merge, everything else is
replaced. No error repeats what was received: it may be a secret.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from mooring import dot_parameters
from mooring.errors import InvalidConfig, InvalidRequest

RESERVED = frozenset(
    {"_server", "config", "api_key", "ticket", "profile", "session", "received", "pin", "release"}
)

Config = dict[str, Any]
Schema = Mapping[str, Any]

_MAX_DEPTH = 32
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "default", "examples"})


def from_query(
    query: Mapping[str, str], stored: Config | None = None, schema: Schema | None = None
) -> Config:
    """Return what the query of a connect URL configures, on top of the `stored` configuration.

    `schema`, the server's configSchema, tells `token=12345` the string from `token=12345` the number.

    Raises:
        InvalidConfig: `config` cannot be read, or the path of a dot parameter cannot be meant.
    """
    config: Config = dict(stored or {})
    if query.get("config"):
        config = _merged(config, decode(query["config"]))
    parameters = {path: text for path, text in query.items() if path not in RESERVED}
    config = dot_parameters.overlay(config, parameters, schema or {})
    _check_values(config)
    return config


def decode(text: str) -> Config:
    """Return the JSON object in a `config` parameter: base64 or base64url, padded or not.

    Raises:
        InvalidConfig: saying which step failed.
    """
    # A form decoder turns the "+" of base64 into a space.
    standard = text.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        _refuse("config is not base64")
    try:
        document = raw.decode()
    except UnicodeDecodeError:
        _refuse("config is base64 of something that is not UTF-8 text")
    try:
        config = json.loads(document, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(f"config is base64 of text that is not JSON (line {error.lineno}, column {error.colno})")
    except (ValueError, RecursionError):
        _refuse("config is base64 of JSON with a number or a depth that cannot be read")
    if not isinstance(config, dict):
        _refuse("config is base64 of JSON that is not an object; it must be one, like {}")
    return config


def check(config: Config, schema: Schema | None) -> Config:
    """Return `config` with the schema's defaults filled in.

    A default is filled in where its object is there; defaults behind a `$ref` are not.

    Raises:
        InvalidConfig: it does not fit; every pointer and reason is in its `data`.
    """
    if schema is None or _allows_any_object(schema):
        return config
    from mooring import json_schema

    filled = with_defaults(config, schema)
    errors = json_schema.errors(schema, filled)
    if errors:
        raise InvalidConfig(
            _summary("config does not fit the server's configSchema", errors), {"errors": errors}
        )
    return filled


def check_schema(schema: Schema) -> None:
    """Accept `schema` as the configSchema of a release.

    Raises:
        InvalidRequest: it is not a JSON Schema of an object that stands on its own.
    """
    if schema.get("type", "object") != "object":
        raise InvalidRequest('configSchema: its type must be "object": a configuration is one')
    from mooring import json_schema

    errors = json_schema.schema_errors(schema)
    if errors:
        raise InvalidRequest(_summary("configSchema cannot be used", errors), {"errors": errors})


def _allows_any_object(schema: Schema) -> bool:
    constraints = {name: value for name, value in schema.items() if name not in _ANNOTATIONS}
    return constraints in ({}, {"type": "object"}, {"type": "object", "properties": {}})


def with_defaults(config: Config, schema: Schema) -> Config:
    """Return `config` with the defaults of the schema's properties where their object is there."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return config
    filled = dict(config)
    for name, inner in properties.items():
        if not isinstance(inner, dict):
            continue
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(filled[name], inner)
    return filled


def _merged(lower: Config, upper: Config) -> Config:
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _merged(below, value)
        else:
            merged[name] = value
    return merged


def _check_values(config: Config) -> None:
    """Refuse what could not be handed on as JSON in UTF-8, and a depth that nobody reads."""
    level: list[Any] = [config]
    for _ in range(_MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not _is_unicode(value):
                _refuse("config has a string that is not Unicode text (half of a surrogate pair)")
            elif isinstance(value, float) and not math.isfinite(value):
                _refuse("config has a number that is too large")
        level = inner
    if level:
        _refuse(f"config is nested deeper than {_MAX_DEPTH} levels")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _refuse(reason: str) -> NoReturn:
    raise InvalidConfig(reason, {"errors": [{"pointer": "", "reason": reason}]})


def _summary(what: str, errors: list[dict[str, str]]) -> str:
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{what}: {first['pointer'] or 'it'} {first['reason']}{more}"
