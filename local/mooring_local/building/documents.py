"""A server.json of the official registry as what is installed and a launch rule (no I/O)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mooring.errors import InvalidRequest
from mooring.imports import server_json
from mooring.imports.form import Form, config_schema
from mooring.imports.server_json import Argument, InputWithVariables, Package, ServerJson
from mooring_local.building import starts
from mooring_local.building.runners import UVX_VALUES
from mooring_local.packages import BuildFailed, Launch

Document = dict[str, Any]

_HOSTED = ("npm", "pypi")
_VARIABLE = re.compile(r"\{([^{}]+)\}")
_NPX_OPTIONS = frozenset({"-y", "--yes", "-q", "--quiet"})


@dataclass(frozen=True)
class Described:
    """Which package a server.json has started, and how."""

    registry: str
    spec: str
    command: str
    """Which of the package's commands; empty: its own."""
    runtime_arguments: tuple[str, ...]
    """Given to the interpreter rather than to the server."""
    arguments: list[str | list[str]]
    env: dict[str, str]
    config_schema: Document | None
    document: ServerJson

    def rule(self, installed: Launch) -> Launch:
        """Return the rule of the package as it is installed, with what the document says."""
        args = [*self.runtime_arguments, *installed.get("args", []), *self.arguments]
        env = {**self.env, **installed.get("env", {})}
        return {**installed, "args": args, **({"env": env} if env else {})}


def read(document: Document) -> Described:
    """Return what the first package that can be hosted says.

    Raises:
        BuildFailed: it has none, or is no server.json.
    """
    document = document["server"] if isinstance(document.get("server"), dict) else document
    try:
        described = server_json.read(document)
    except InvalidRequest as error:
        raise BuildFailed(f"server.json: {error.message}", "Correct it") from error
    package = next((one for one in described.packages if _is_hosted(one)), None)
    if package is None:
        raise _refused(described)
    form = Form()
    env = _variables(package, form)
    # Nobody is asked for what is told to npx or uvx: they are not run.
    runtime = _arguments(package.runtime_arguments, Form())
    arguments = _arguments(package.package_arguments, form)
    kept, command = _runtime(package, runtime)
    return Described(
        registry=package.registry_type,
        spec=_spec(package),
        command=command,
        runtime_arguments=tuple(kept),
        arguments=arguments,
        env=env,
        config_schema=config_schema([form]),
        document=described,
    )


def _is_hosted(package: Package) -> bool:
    return package.registry_type in _HOSTED and package.transport.type == "stdio"


def _refused(described: ServerJson) -> BuildFailed:
    if described.remotes:
        return BuildFailed(
            f"the server runs elsewhere, at {described.remotes[0].url[:200]}: there is nothing to build",
            "List it instead: mooring import",
        )
    kinds = sorted({f"{one.registry_type} over {one.transport.type}" for one in described.packages})
    said = f"its packages are {', '.join(kinds)}" if kinds else "server.json has neither packages nor remotes"
    return BuildFailed(f"{said}. {starts.HOSTED}", "Add a package of npm or PyPI with transport stdio")


def _spec(package: Package) -> str:
    if not package.version:
        return package.identifier
    return package.identifier + ("@" if package.registry_type == "npm" else "==") + package.version


def _variables(package: Package, form: Form) -> dict[str, str]:
    return {
        variable.name: _template(variable, form.add(variable.name, "env", variable))
        for variable in package.environment_variables
    }


def _arguments(wanted: Sequence[Argument], form: Form) -> list[str | list[str]]:
    arguments: list[str | list[str]] = []
    for argument in wanted:
        name = argument.name or argument.value_hint
        asked = form.add(name, "argument", argument, is_repeated=argument.is_repeated)
        text = _template(argument, asked, spread=argument.is_repeated)
        arguments.append([argument.name, text] if argument.type == "named" else text)
    return arguments


def _template(wanted: InputWithVariables, asked: dict[str, str], *, spread: bool = False) -> str:
    if wanted.value is None:
        return f"${{config.{asked['']}{'[]' if spread else ''}}}"

    def place(found: re.Match[str]) -> str:
        about = wanted.variables.get(found[1])
        if about is None:
            return found[0]
        return about.value if about.value is not None else f"${{config.{asked[found[1]]}}}"

    return _VARIABLE.sub(place, wanted.value)


def _runtime(package: Package, arguments: list[str | list[str]]) -> tuple[list[str], str]:
    """Return what of the runner's arguments is for the interpreter, and the command that they choose.

    npx and uvx are not run: which package they fetch is in the document, and fetched already.
    """
    words = [word for one in arguments for word in (one if isinstance(one, list) else [one])]
    if package.runtime_hint in ("node", "python", "python3"):
        return [word for word in words if "${" not in word], ""
    names_package = {"--package", "-p", "--from"}
    i, command = 0, ""
    while i < len(words):
        word = words[i]
        option = word.partition("=")[0]
        if word.startswith("-"):
            takes_value = option in names_package or option in UVX_VALUES
            i += 2 if takes_value and "=" not in word and word not in _NPX_OPTIONS else 1
            continue
        if word.partition("@")[0].partition("==")[0] != package.identifier and not word.startswith("@"):
            command = word
        i += 1
    return [], command if "${" not in command else ""
