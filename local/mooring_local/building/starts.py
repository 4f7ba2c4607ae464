"""How the server of a folder is started: by its `smithery.yaml`, or by what was recognised."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring.errors import InvalidRequest, StartFailed
from mooring.launch import resolve
from mooring_local import dockerfiles, plans, recognition, smithery_yaml
from mooring_local.packages import BuildFailed, Kind, Launch
from mooring_local.smithery_yaml import InvalidSmitheryYaml, SmitheryYaml

HOSTED = "Mooring hosts servers that speak MCP over their standard streams (stdio)"
_HAVE_STDIO = "Add a smithery.yaml with startCommand, type: stdio, command and args (mooring init writes one)"
_LIST = "List it instead, by its address: mooring import, or PUT /servers/<name> with remotes"
_NAMES = ("smithery.yaml", "smithery.yml")


@dataclass(frozen=True)
class Start:
    rule: Launch
    """As it was said, without a `cwd`."""
    words: tuple[str, ...]
    """The command line it gives with an example configuration."""
    reason: str
    config_schema: dict[str, Any] | None = None
    example_config: dict[str, Any] | None = None
    kind: Kind = "stdio"


def of_rule(
    rule: Launch,
    reason: str,
    config_schema: dict[str, Any] | None = None,
    example_config: dict[str, Any] | None = None,
) -> Start:
    """Return the start that `rule` is.

    Raises:
        BuildFailed: it gives no command with the example configuration.
    """
    used = plans.session_config(config_schema, example_config, None)
    try:
        if "commandFunction" not in rule:
            resolve(rule, used, "${bundle}", "${session}")
        launch = plans.executed(rule, used)
    except (StartFailed, InvalidRequest) as error:
        raise BuildFailed(
            f"with an example configuration, {error.message}",
            "Correct the start in smithery.yaml, or its exampleConfig",
        ) from error
    return Start(rule, (launch["command"], *launch["args"]), reason, config_schema, example_config)


def of_folder(folder: Path, top: Path) -> Start:
    """Return how the server in `folder` of a repository is started; nothing outside `top` is read.

    Raises:
        BuildFailed: it is none that can be hosted; says what to do.
    """
    for name in _NAMES:
        text = plans.read(folder / name, top)
        if text is None:
            continue
        try:
            declared = smithery_yaml.parse(text)
        except InvalidSmitheryYaml as error:
            raise BuildFailed(str(error), "Correct it; mooring plan says what is understood of it") from error
        _check_paths(declared, folder, top)
        return _declared(declared, folder, top) if declared.says_start else _recognised(folder, top, declared)
    return _recognised(folder, top, None)


def _declared(declared: SmitheryYaml, folder: Path, top: Path) -> Start:
    if declared.kind == "invalid":
        raise BuildFailed(declared.obstacle, _HAVE_STDIO)
    if declared.kind == "http":
        raise BuildFailed(f"{declared.obstacle or 'it is served over HTTP'}. {HOSTED}", _LIST)
    if declared.kind != "stdio":
        raise BuildFailed(f"smithery.yaml describes a server of kind {declared.kind}. {HOSTED}", _HAVE_STDIO)
    if declared.launch is None:
        return _without_image(declared, folder, top)
    said = "the start in smithery.yaml"
    if _has_image(folder, declared):
        said += "; built from its package.json or pyproject.toml, not from its Dockerfile"
    return of_rule(declared.launch, said, declared.config_schema, declared.example_config)


def _without_image(declared: SmitheryYaml, folder: Path, top: Path) -> Start:
    """Return the start of a stdio server that leaves it to its image."""
    found = recognition.recognise(folder, top, with_image=False)
    rule, reason = found.rule, found.reason
    if rule is None:
        rule, reason = _of_image(declared, folder, top), "the command of its Dockerfile, which is not built"
    if rule is None:
        raise BuildFailed(f"{declared.obstacle}. Images are not built: {HOSTED}", _HAVE_STDIO)
    return of_rule(
        rule, f"smithery.yaml says stdio; {reason}", declared.config_schema, declared.example_config
    )


def _of_image(declared: SmitheryYaml, folder: Path, top: Path) -> Launch | None:
    """Return the command of the Dockerfile where it could be one of the folder as it is."""
    if not any((folder / name).is_file() for name in ("package.json", "pyproject.toml", "requirements.txt")):
        return None
    image = dockerfiles.parse(plans.read(folder / (declared.dockerfile or "Dockerfile"), top) or "")
    is_of_the_image = any(word.startswith("/") for word in image.command)
    if not image.command or is_of_the_image:
        return None
    return {"command": image.command[0], "args": list(image.command[1:])}


def _recognised(folder: Path, top: Path, declared: SmitheryYaml | None) -> Start:
    found = recognition.recognise(folder, top, with_image=False)
    said = declared.obstacle if declared else "there is no smithery.yaml"
    if found.rule is None and _has_image(folder, declared):
        raise BuildFailed(f"{said}, and only its Dockerfile says how it is built. {HOSTED}", _HAVE_STDIO)
    if found.rule is None:
        raise BuildFailed(f"{said}; {found.reason}", _HAVE_STDIO)
    schema, example = (declared.config_schema, declared.example_config) if declared else (None, None)
    return of_rule(found.rule, f"{said}; {found.reason}", schema, example)


def _has_image(folder: Path, declared: SmitheryYaml | None) -> bool:
    return (folder / ((declared.dockerfile if declared else "") or "Dockerfile")).is_file()


def _check_paths(declared: SmitheryYaml, folder: Path, top: Path) -> None:
    for field, name in (("dockerfile", declared.dockerfile), ("dockerBuildPath", declared.build_path)):
        if name and not plans.is_within(folder / name, top):
            raise BuildFailed(
                f"build.{field} of smithery.yaml leads out of the repository: {name[:80]}",
                "Give a path within the repository",
            )


def names(words: Sequence[str]) -> list[str]:
    """Return the words of a command line, and those within words that are command lines themselves."""
    return [part for word in words for part in (word, *(word.split() if " " in word else ()))]
