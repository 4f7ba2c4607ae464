"""`server.json` of the official registry: which of its packages would be run, and how (no I/O)."""

import re
from collections.abc import Mapping
from typing import Any

from mooring.errors import InvalidRequest
from mooring.imports import server_json
from mooring.imports.entries import Refused, imported
from mooring.imports.server_json import Argument, InputWithVariables, Package, ServerJson
from mooring_local.plans import Plan, session_config

_RUNNERS = {"npm": ("npx", "-y"), "pypi": ("uvx",)}
_VARIABLE = re.compile(r"\{([^{}]+)\}")

Document = dict[str, Any]


def plan(document: Document, config: Mapping[str, Any] | None = None) -> Plan:
    """Plan a server.json, or an entry of a registry's list that holds one."""
    document = document["server"] if isinstance(document.get("server"), dict) else document
    try:
        described = server_json.read(document)
    except InvalidRequest as error:
        return Plan("invalid", reason=f"server.json: {error.message}")
    schema = _schema(document)
    runnable = [package for package in described.packages if package.registry_type in _RUNNERS]
    stdio = [package for package in runnable if package.transport.type == "stdio"]
    if stdio:
        values = session_config(schema, None, config)
        return Plan("stdio", _launch(stdio[0], values), schema)
    return _other(described, schema)


def _schema(document: Document) -> Document | None:
    entry = next(imported([{"server": document}], "file"), None)
    if entry is None or isinstance(entry, Refused):
        return None
    schema: Document | None = entry.server.get("configSchema")
    return schema


def _other(described: ServerJson, schema: Document | None) -> Plan:
    if described.remotes:
        address = described.remotes[0].url
        return Plan(
            "http",
            None,
            schema,
            f"it runs elsewhere, at {address}: there is nothing to build; list it instead",
        )
    kinds = sorted({package.registry_type for package in described.packages})
    if "oci" in kinds:
        return Plan("container-http", None, schema, "its package is an image, which says its start itself")
    if "mcpb" in kinds:
        return Plan("stdio", None, schema, "its package is a .mcpb bundle; plan the bundle itself")
    said = f"packages of {', '.join(kinds)}" if kinds else "neither packages nor remotes"
    return Plan("invalid", None, schema, f"server.json has {said}; npm and pypi over stdio can be run")


def _launch(package: Package, values: Mapping[str, Any]) -> Document:
    pin = f"@{package.version}" if package.registry_type == "npm" else f"=={package.version}"
    runner, *first = _RUNNERS[package.registry_type]
    options = _arguments(package.runtime_arguments, values)
    args = [*(options or first), package.identifier + (pin if package.version else "")]
    env = {
        variable.name: _value(variable.name, variable, values) for variable in package.environment_variables
    }
    return {
        "command": package.runtime_hint or runner,
        "args": [*args, *_arguments(package.package_arguments, values)],
        "env": {name: text for name, text in env.items() if text is not None},
    }


def _arguments(wanted: tuple[Argument, ...], values: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for argument in wanted:
        value = _value(argument.name or argument.value_hint, argument, values)
        if argument.type == "named":
            is_flag = value is None and argument.value is None and argument.is_required
            words += [argument.name] if is_flag else [] if value is None else [argument.name, value]
        elif value is not None:
            words.append(value)
    return words


def _value(name: str, wanted: InputWithVariables, values: Mapping[str, Any]) -> str | None:
    if wanted.value is not None:
        return _VARIABLE.sub(lambda found: _variable(found, wanted, values), wanted.value)
    value = values.get(re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-"))
    return wanted.default if value is None else _text(value)


def _variable(found: re.Match[str], wanted: InputWithVariables, values: Mapping[str, Any]) -> str:
    about = wanted.variables.get(found[1])
    if about is None:
        return found[0]
    value = values.get(found[1], about.value or about.default)
    return "" if value is None else _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
