"""What would be built and run of a source, found out without building or running any of it.

A `commandFunction` is the one thing that is evaluated, in a process of its own (`mooring.command_function`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mooring import command_function, configuration
from mooring.errors import InvalidRequest, StartFailed
from mooring.launch import resolve
from mooring_local import dockerfiles, recognition, smithery_yaml
from mooring_local.packages import Kind, Launch
from mooring_local.smithery_yaml import InvalidSmitheryYaml, SmitheryYaml

Document = dict[str, Any]

MAX_FILE_BYTES = 1024 * 1024
_SMITHERY = ("smithery.yaml", "smithery.yml")


class NoPlan(Exception):
    """The source itself cannot be had: `cause`, and what to do."""

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.next_step = next_step


@dataclass(frozen=True)
class Plan:
    kind: Kind
    launch: Document | None = field(default=None, repr=False)
    """`{command, args, env}` as it would be executed; may hold values of the configuration."""
    config_schema: Document | None = None
    reason: str | None = None
    """Why there is no launch; beside one, where it is from or what is wrong with the configuration."""

    def as_json(self) -> Document:
        return {
            "kind": self.kind,
            "launch": self.launch,
            "configSchema": self.config_schema,
            "reason": self.reason,
        }


def of_text(text: str, config: Mapping[str, Any] | None = None) -> Plan:
    """Plan a `smithery.yaml` alone; without `config`, its own example and placeholders are taken."""
    try:
        return of_declared(smithery_yaml.parse(text), config)
    except InvalidSmitheryYaml as error:
        return Plan("invalid", reason=str(error))


def of_declared(declared: SmitheryYaml, config: Mapping[str, Any] | None) -> Plan:
    """Plan what a `smithery.yaml` says."""
    plan = Plan(declared.kind, None, declared.config_schema, declared.obstacle or None)
    if declared.launch is None:
        return plan
    used = session_config(declared.config_schema, declared.example_config, config)
    try:
        plan = replace(plan, launch=executed(declared.launch, used))
    except StartFailed as error:
        # Of every configuration, or of this one alone.
        kind: Kind = "invalid" if "is not JavaScript" in error.message else declared.kind
        return replace(plan, kind=kind, reason=error.message)
    return replace(plan, reason=None if config is None else _misfit(used, declared.config_schema))


def of_folder(folder: Path, root: Path, config: Mapping[str, Any] | None = None) -> Plan:
    """Plan a folder of a repository whose top is `root`: nothing outside of that is read."""
    for name in _SMITHERY:
        text = read(folder / name, root)
        if text is None:
            continue
        try:
            declared = smithery_yaml.parse(text)
        except InvalidSmitheryYaml as error:
            other = recognition.recognise(folder, root)
            hint = f"; without the file: {other.reason}" if other.rule else ""
            return Plan("invalid", reason=f"{error}{hint}")
        if declared.says_start:
            return _with_image(of_declared(declared, config), declared, folder, root)
        return _recognised(folder, root, declared)
    return _recognised(folder, root, None)


def session_config(
    schema: Document | None, example: Mapping[str, Any] | None, given: Mapping[str, Any] | None
) -> Document:
    """Return the configuration to plan with: `given`, or one made up, with the schema's defaults filled in.

    Made up: the example, and a text for what is required and has neither an example nor a default.
    """
    schema = schema or {}
    if given is not None:
        return configuration.with_defaults(dict(given), schema)
    made = configuration.with_defaults(dict(example or {}), schema)
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    for name in required if isinstance(required, list) else []:
        if isinstance(name, str) and name not in made:
            made[name] = _made_up(name, known.get(name))
    return made


def _made_up(name: str, schema: object) -> Any:
    about = schema if isinstance(schema, dict) else {}
    choices = about.get("enum") or about.get("examples")
    if isinstance(choices, list) and choices:
        return choices[0]
    kinds: dict[str, Any] = {"number": 1, "integer": 1, "boolean": False, "array": [], "object": {}}
    return kinds.get(str(about.get("type")), f"example-{name}")


def executed(rule: Launch, config: Document) -> Document:
    """Return `{command, args, env}` that a rule gives with `config`.

    Raises:
        StartFailed: its commandFunction does not say a command.
    """
    if "commandFunction" in rule:
        answer = command_function.evaluate(rule["commandFunction"], config)
        env = {**rule.get("env", {}), **answer.env}
        return {"command": answer.command, "args": list(answer.args), "env": env}
    try:
        launch = resolve(rule, config, "${bundle}", "${session}")
    except InvalidRequest:  # a text with ${…} that is not ours is shown as it is
        return {"command": rule["command"], "args": rule.get("args", []), "env": rule.get("env", {})}
    return {"command": launch.argv[0], "args": list(launch.argv[1:]), "env": launch.env}


def _misfit(config: Document, schema: Document | None) -> str | None:
    """Return why a session with this configuration would be refused."""
    try:
        if schema:
            configuration.check_schema(schema)
        configuration.check(config, schema)
    except InvalidRequest as error:
        return f"a session would be refused: {error.message}"
    return None


def _with_image(plan: Plan, declared: SmitheryYaml, folder: Path, root: Path) -> Plan:
    """Add what only the Dockerfile says, where the file leaves the start to the image."""
    for name in (declared.dockerfile, declared.build_path):
        if name and not is_within(folder / name, root):
            return replace(
                plan, kind="invalid", launch=None, reason=f"build leads out of the repository: {name}"
            )
    if plan.launch or plan.kind not in ("container-http", "stdio"):
        return plan
    text = read(folder / (declared.dockerfile or "Dockerfile"), root)
    if text is None and declared.is_container:
        return replace(
            plan, kind="invalid", reason=f"there is no {declared.dockerfile or 'Dockerfile'}; add it"
        )
    if text is None:
        return replace(
            plan, kind="http", reason="smithery.yaml says type http without url, and there is no Dockerfile"
        )
    image = dockerfiles.parse(text)
    if not image.command:
        return replace(
            plan, reason="the Dockerfile has neither CMD nor ENTRYPOINT; the base image's own is started"
        )
    env = {"PORT": str(dockerfiles.PORT)} if plan.kind == "container-http" else {}
    launch = {"command": image.command[0], "args": list(image.command[1:]), "env": env}
    return replace(plan, launch=launch, reason=f"as the image says: {json.dumps(image.command)}")


def _recognised(folder: Path, root: Path, declared: SmitheryYaml | None) -> Plan:
    found = recognition.recognise(folder, root)
    said = declared.obstacle if declared else "there is no smithery.yaml"
    if found.rule is None:
        return Plan("invalid", reason=f"{said}; {found.reason}")
    schema = declared.config_schema if declared else None
    return Plan(found.kind, executed(found.rule, {}), schema, f"{said}; {found.reason}")


def read(path: Path, root: Path) -> str | None:
    """Return the text of a plain file within `root`; None when there is none, or it is too large."""
    try:
        if not path.is_file() or not is_within(path, root) or path.stat().st_size > MAX_FILE_BYTES:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def is_within(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())
