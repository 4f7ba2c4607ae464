"""`smithery.yaml`: how a repository says its server is started and configured (no I/O).

Only commands that are written out are understood. A `commandFunction` is JavaScript that computes one from
the configuration; it is named as such and not run.
"""

import shlex
from dataclasses import dataclass, field
from typing import Any

import yaml

from mooring_local.packages import Launch

MAX_BYTES = 65_536  # the largest of the public ones seen has 8 KB

_NOT_YET = "is not supported yet"


class InvalidSmitheryYaml(ValueError):
    """It is not YAML, or not a mapping."""


@dataclass(frozen=True)
class SmitheryYaml:
    launch: Launch | None
    """None: `obstacle` says why."""
    obstacle: str = ""
    config_schema: dict[str, Any] = field(default_factory=dict)
    example_config: dict[str, Any] | None = None


def parse(text: str) -> SmitheryYaml:
    """Read the text of a `smithery.yaml`.

    Raises:
        InvalidSmitheryYaml: says where it is wrong.
    """
    document = _load(text)
    start = document.get("startCommand")
    details = start if isinstance(start, dict) else {}
    launch, obstacle = _launch(document, start)
    schema = details.get("configSchema") or document.get("configSchema")
    example = details.get("exampleConfig") or document.get("exampleConfig")
    return SmitheryYaml(
        launch=launch,
        obstacle=obstacle,
        config_schema=schema if isinstance(schema, dict) else {},
        example_config=example if isinstance(example, dict) else None,
    )


def _load(text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise InvalidSmitheryYaml(f"smithery.yaml has more than {MAX_BYTES} characters")
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidSmitheryYaml(f"smithery.yaml is not YAML: line {line}: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidSmitheryYaml(f"smithery.yaml is not YAML: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise InvalidSmitheryYaml("smithery.yaml is not a mapping")
    return document


def _launch(document: dict[str, Any], start: object) -> tuple[Launch | None, str]:
    """Return the launch rule, or None and why there is none."""
    if isinstance(start, str):
        return _static({"command": start})
    if not isinstance(start, dict):
        if "commandFunction" in document:
            return None, f"smithery.yaml has a commandFunction, which {_NOT_YET}"
        runtime = document.get("runtime")
        if runtime is not None:
            return None, f"smithery.yaml says runtime: {runtime}, which {_NOT_YET}"
        return None, "smithery.yaml has no startCommand"
    kind = start.get("type", "stdio")
    if kind != "stdio":
        return None, f"smithery.yaml starts a server of type {kind}, which {_NOT_YET}; only stdio is"
    function = start.get("commandFunction")
    for candidate in (start, function, start.get("config")):
        if isinstance(candidate, list):
            candidate = {"command": candidate}
        if isinstance(candidate, dict) and "command" in candidate:
            return _static(candidate)
    if function is not None:
        return None, f"smithery.yaml has a commandFunction, which {_NOT_YET}"
    return None, "smithery.yaml has a startCommand without a command"


def _static(start: dict[str, Any]) -> tuple[Launch | None, str]:
    words, obstacle = _words(start)
    if not words:
        return None, obstacle or "smithery.yaml has an empty command"
    launch: Launch = {"command": words[0], "args": words[1:]}
    variables = start.get("env")
    if isinstance(variables, dict):
        launch["env"] = {str(key): _text(value) for key, value in variables.items() if value is not None}
    return launch, ""


def _words(start: dict[str, Any]) -> tuple[list[str], str]:
    command, arguments = start["command"], start.get("args") or []
    if not isinstance(arguments, list) or not isinstance(command, str | list):
        return [], "smithery.yaml: command must be a text or a list, and args a list"
    if isinstance(command, list):
        words = command
    elif arguments:
        words = [command]
    else:
        try:
            words = shlex.split(command)
        except ValueError as error:
            return [], f"smithery.yaml: the command cannot be split into words: {error}"
    return [_text(word) for word in (*words, *arguments)], ""


def _text(value: object) -> str:
    """Return a scalar as YAML's reader meant it for a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
