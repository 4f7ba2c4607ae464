"""What a server.json asks its users for, as one configSchema (no I/O)."""

import math
import re
from collections.abc import Sequence
from typing import Any

from mooring.imports.server_json import Input, InputWithVariables

Schema = dict[str, Any]

# Parameters of a connect URL that are not configuration: a property of that name could not be given there.
_RESERVED = frozenset({"config", "api_key", "ticket", "profile", "session", "received"})
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")  # a dot would lead into an object
_VARIABLE = re.compile(r"\{([^{}]+)\}")
_BOOLEANS = {"true": True, "false": False}


class Form:
    """The inputs of one way to use a server; each is one property."""

    def __init__(self) -> None:
        self.properties: dict[str, Schema] = {}
        self.required: set[str] = set()

    def add(
        self, name: str, kind: str, wanted: InputWithVariables, *, is_repeated: bool = False
    ) -> dict[str, str]:
        """Ask for the variables in an input's fixed `value`, or for one value when it has none.

        A variable of a required text is required too, unless it has a default. Returns the property that each
        variable is asked for as; that of the one value is under an empty name.
        """
        if wanted.value is None:
            return {
                "": self._ask(name, kind, wanted, is_required=wanted.is_required, is_repeated=is_repeated)
            }
        asked = {}
        for variable_name in variable_names(wanted.value):
            variable = wanted.variables.get(variable_name)
            if variable:
                asked[variable_name] = self.add_variable(
                    variable_name, variable, is_required=wanted.is_required
                )
        return {variable: chosen for variable, chosen in asked.items() if chosen}

    def add_variable(self, name: str, variable: Input, *, is_required: bool) -> str:
        """Ask for a variable; returns its property, empty for one whose value is fixed."""
        if variable.value is not None:
            return ""
        must = variable.is_required or (is_required and not variable.default)
        return self._ask(name, "variable", variable, is_required=must, is_repeated=False)

    def _ask(self, name: str, kind: str, wanted: Input, *, is_required: bool, is_repeated: bool) -> str:
        property_ = _property(wanted)
        if is_repeated:
            about = {key: property_.pop(key) for key in ("description",) if key in property_}
            property_ = {"type": "array", "items": property_, **about}
        chosen = self._free(_NOT_IN_NAMES.sub("-", name).strip("-") or kind, kind, property_)
        self.properties[chosen] = property_
        if is_required:
            self.required.add(chosen)
        return chosen

    def _free(self, name: str, kind: str, property_: Schema) -> str:
        """Return the name for a property: `<kind>_<name>` where another one has `name`.

        Two inputs of the same name that are told in the same words are one property.
        """
        candidate, count = (f"{kind}_{name}" if name in _RESERVED else name), 1
        while self.properties.get(candidate, property_) != property_:
            candidate = f"{kind}_{name}" if count == 1 else f"{kind}_{name}_{count}"
            count += 1
        return candidate


def variable_names(text: str) -> list[str]:
    """Return each `name` that is in `text` as `{name}`."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def config_schema(forms: Sequence[Form]) -> Schema | None:
    """Return one configSchema for all ways to use a server; None when none asks for anything.

    It requires what every way requires: one configuration is for one way. A property that two ways name alike
    is described as the first one does.
    """
    properties: dict[str, Schema] = {}
    for form in forms:
        properties |= {name: one for name, one in form.properties.items() if name not in properties}
    if not properties:
        return None
    schema: Schema = {"type": "object", "properties": properties}
    required = [name for name in properties if all(name in form.required for form in forms)]
    return {**schema, "required": required} if required else schema


def _property(wanted: Input) -> Schema:
    """Return the schema of one value.

    A default that the property itself would refuse is left out: it would be filled in, and refused. An empty
    one is none: it would answer what the user is asked for.
    """
    kind = wanted.format if _fits(wanted, wanted.format) else "string"
    property_: Schema = {"type": kind if kind in ("number", "boolean") else "string"}
    if wanted.is_secret and property_["type"] == "string":
        property_ |= {"format": "password", "writeOnly": True}
    elif wanted.is_secret:
        property_["writeOnly"] = True
    elif kind == "filepath":
        property_["format"] = "filepath"
    if wanted.description:
        property_["description"] = wanted.description
    if wanted.choices:
        property_["enum"] = list(dict.fromkeys(_value(choice, kind) for choice in wanted.choices))
    if wanted.default and (not wanted.choices or wanted.default in wanted.choices):
        property_["default"] = _value(wanted.default, kind)
    if wanted.placeholder:
        property_["examples"] = [wanted.placeholder]
    return property_


def _fits(wanted: Input, kind: str) -> bool:
    """Return whether every value the input offers can be read as `kind`."""
    offered = [*wanted.choices, *([wanted.default] if wanted.default else [])]
    return all(_value(text, kind) is not None for text in offered)


def _value(text: str, kind: str) -> Any:
    """Return the value that `text` stands for; None when it is no `kind`."""
    if kind == "boolean":
        return _BOOLEANS.get(text.strip().lower())
    if kind != "number":
        return text
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and "." not in text else number
