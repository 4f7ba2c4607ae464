"""How settings are read: each field of a class is a variable."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self

_PREFIX = "MOORING_"
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TRUE = frozenset({"1", "true", "yes", "on"})


class SettingsError(ValueError):
    """One or more variables of the environment are missing or malformed; the text names each."""


@dataclass(frozen=True)
class FromEnvironment:
    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Build the settings from `environ`.

        Raises:
            SettingsError: names every missing or malformed variable at once.
        """
        values: dict[str, object] = {}
        problems: list[str] = []
        for one in fields(cls):
            variable = _PREFIX + one.name.upper()
            text = environ.get(variable)
            if text is None:
                if one.default is MISSING:
                    problems.append(f"{variable} is not set")
                continue
            try:
                values[one.name] = _convert(text, one.type)
            except ValueError:
                wanted = getattr(one.type, "__name__", one.type)
                problems.append(f"{variable} must be of type {wanted}")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)


def _convert(text: str, wanted: object) -> object:
    if wanted is bool:
        return text.strip().lower() in _TRUE
    if wanted is int:
        unit = text[-3:]
        return int(text.removesuffix(unit)) * _UNITS[unit] if unit in _UNITS else int(text)
    if wanted is float:
        return float(text)
    return text
