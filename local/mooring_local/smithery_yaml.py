"""`smithery.yaml`: how a repository says its server is started and configured (no I/O).

It has been written in many shapes; `parse` understands what was meant and says why it cannot where it cannot.
`docs/deploying.md` has the table of forms.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mooring_local import core_yaml
from mooring_local.core_yaml import NotYaml
from mooring_local.packages import Kind, Launch

Document = dict[str, Any]

_HTTP = frozenset(
    {"http", "https", "sse", "streamable-http", "streamablehttp", "streamable_http", "remote", "shttp"}
)
_RUNTIMES: dict[str, Kind] = {"typescript": "typescript-runtime", "python": "python-runtime"}
_NODE = frozenset({"node", "nodejs", "node.js", "javascript"})
_RUNNERS = {"npm": ["npx", "-y"], "npx": ["npx", "-y"], "pypi": ["uvx"], "uvx": ["uvx"]}
# What others say in its place.
_FOREIGN = ("start", "run", "server", "installation", "install", "transport", "command", "mcp")
_ADDRESSES = ("url", "endpoint", "deploymentUrl", "remoteUrl")


class InvalidSmitheryYaml(ValueError):
    """It is not YAML, or not a mapping."""


@dataclass(frozen=True)
class SmitheryYaml:
    kind: Kind
    launch: Launch | None = None
    """A launch rule as `mooring.launch` takes it; None: `obstacle` says why."""
    obstacle: str = ""
    config_schema: Document | None = None
    example_config: Document | None = None
    dockerfile: str = ""
    """As it is written there, relative to the file; empty: it says none."""
    build_path: str = ""
    is_container: bool = False
    """It says that an image is built, by its `runtime` or a `build`."""
    says_start: bool = True
    """False: it describes a server without a word about how it is started."""


def parse(text: str) -> SmitheryYaml:
    """Read the text of a `smithery.yaml`.

    Raises:
        InvalidSmitheryYaml: says where it is wrong.
    """
    try:
        document = core_yaml.load(text)
    except NotYaml as error:
        raise InvalidSmitheryYaml(f"smithery.yaml is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidSmitheryYaml("smithery.yaml is not a mapping")
    return _Reading(document).result()


class _Reading:
    def __init__(self, document: Document) -> None:
        start = document.get("startCommand")
        self.document = document
        self.start = start
        self.details: Document = start if isinstance(start, dict) else {}
        self.schema = self._object("configSchema")
        build = document.get("build")
        self.build: Document = build if isinstance(build, dict) else {}
        self.runtime = str(document.get("runtime") or self.details.get("runtime") or "").lower()
        self.type = str(self.details.get("type") or "").strip().lower()

    def result(self) -> SmitheryYaml:
        kind, launch, obstacle = self._start()
        return SmitheryYaml(
            kind=kind,
            launch=launch,
            obstacle=obstacle,
            config_schema=self.schema,
            example_config=self._object("exampleConfig"),
            dockerfile=_string(self.build.get("dockerfile")),
            build_path=_string(self.build.get("dockerBuildPath")),
            is_container=self.runtime in ("container", "docker") or "dockerfile" in self.build,
            says_start=not (kind == "invalid" and self.start is None),
        )

    def _object(self, name: str) -> Document | None:
        """Return the first that says something: in `startCommand`, or beside it."""
        found = [_as_object(place[name]) for place in (self.details, self.document) if name in place]
        objects = [value for value in found if value is not None]
        return next(filter(None, objects), objects[0] if objects else None)

    def _start(self) -> tuple[Kind, Launch | None, str]:
        """Return the kind, and the launch rule or why there is none."""
        address = self._address()
        if address and (self.type in _HTTP or not self._says_command()):
            return (
                "http",
                None,
                f"it runs elsewhere, at {address}: there is nothing to build; list it instead",
            )
        if self._says_command():
            launch, obstacle = self._command()
            kind: Kind = "container-http" if self.type in _HTTP else "stdio"
            return (kind, launch, "") if launch else ("invalid", None, obstacle)
        if self.type in _HTTP:
            return self._http()
        return self._without_command()

    def _address(self) -> str:
        server = self.document.get("server")
        places = [self.details]
        places += [server] if isinstance(server, dict) else []
        places += [self.document] if not self.details else []
        for place in places:
            for name in _ADDRESSES:
                if _string(place.get(name)).startswith(("http://", "https://", "ws://", "wss://")):
                    return str(place[name])
        return ""

    def _function(self) -> object:
        # Indented too far, it is in the schema, which has no such keyword.
        places = (self.details, self.document, self.schema or {})
        return next((place["commandFunction"] for place in places if place.get("commandFunction")), None)

    def _says_command(self) -> bool:
        if isinstance(self.start, str | list) or "command" in self.details or self._function() is not None:
            return True
        return "command" in (_as_object(self.details.get("config")) or {}) or bool(self._package())

    def _command(self) -> tuple[Launch | None, str]:
        function = self._function()
        if isinstance(function, str):
            return {"commandFunction": function, **self._variables({})}, ""
        for candidate in (function, self.start, self.details.get("config")):
            if isinstance(candidate, str | list):
                candidate = {"command": candidate}
            if isinstance(candidate, dict) and "command" in candidate:
                return self._static({**self.details, **candidate})
        package = self._package()
        if package:
            return self._static({"args": [], **self.details, "command": [*_RUNNERS[self.type], package]})
        return None, "smithery.yaml has a commandFunction that is neither JavaScript nor a command"

    def _package(self) -> str:
        if self.type not in _RUNNERS:
            return ""
        return next(
            (
                str(self.details[name])
                for name in ("package", "packageName", "name")
                if self.details.get(name)
            ),
            "",
        )

    def _static(self, start: Document) -> tuple[Launch | None, str]:
        words, obstacle = _words(start)
        if not words:
            return None, obstacle or "smithery.yaml has an empty command"
        return {"command": words[0], "args": words[1:], **self._variables(start)}, ""

    def _variables(self, start: Document) -> dict[str, dict[str, str]]:
        """Return the `env` of a rule, if any; `envMapping` names properties of the configuration."""
        variables = {**_environment(self.document.get("env")), **_environment(start.get("env"))}
        properties = (self.schema or {}).get("properties")
        known = properties if isinstance(properties, dict) else {}
        mapping = start.get("envMapping") or self.details.get("envMapping")
        for key, value in (mapping if isinstance(mapping, dict) else {}).items():
            name, path = (value, key) if key in known and str(value) not in known else (key, value)
            variables[str(name)] = f"${{config.{str(path).removeprefix('config.')}}}"
        return {"env": variables} if variables else {}

    def _http(self) -> tuple[Kind, Launch | None, str]:
        if self.runtime in _RUNTIMES:
            return self._runtime()
        if not self.runtime and not self.build and "x-from" in json.dumps(self.schema):
            return "http", None, "smithery.yaml says type http without url, runtime or build: it has no start"
        return "container-http", None, "smithery.yaml leaves the start to the image: its Dockerfile says it"

    def _without_command(self) -> tuple[Kind, Launch | None, str]:
        if self.runtime in _RUNTIMES or self.runtime in _NODE:
            return self._runtime()
        if self.runtime in ("container", "docker") or (not self.details and self.build.get("dockerfile")):
            return (
                "container-http",
                None,
                "smithery.yaml leaves the start to the image: its Dockerfile says it",
            )
        if self.details and self.build.get("dockerfile"):
            return "stdio", None, "smithery.yaml leaves the start to the image: its Dockerfile says it"
        if self.start is None:
            return "invalid", None, f"smithery.yaml has no startCommand and no runtime{self._foreign()}"
        return (
            "invalid",
            None,
            "smithery.yaml has a startCommand without a command; add commandFunction or command",
        )

    def _foreign(self) -> str:
        foreign = [name for name in _FOREIGN if name in self.document]
        said = f" ({', '.join(foreign)} is not its form)" if foreign else ", it only lists the server"
        return f"{said}; add startCommand with command and args"

    def _runtime(self) -> tuple[Kind, Launch | None, str]:
        entry = _string(self.document.get("entrypoint") or self.details.get("entrypoint"))
        kind = _RUNTIMES.get(self.runtime, "stdio")
        if not entry:
            missing = f"smithery.yaml says runtime: {self.runtime} without an entrypoint; "
            missing += "its package says what is built" if kind != "stdio" else "add startCommand"
            return (kind if kind != "stdio" else "invalid"), None, missing
        program = "python" if kind == "python-runtime" else "node"
        return kind, {"command": program, "args": [entry], **self._variables({})}, ""


def _words(start: Document) -> tuple[list[str], str]:
    command, arguments = start["command"], start.get("args") or []
    if isinstance(arguments, str):
        try:
            arguments = shlex.split(arguments)
        except ValueError:
            arguments = [arguments]
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
    if any(isinstance(word, dict | list) for word in (*words, *arguments)):
        return [], "smithery.yaml: command and args must be texts"
    return [_text(word) for word in (*words, *arguments) if word is not None], ""


def _environment(value: object) -> dict[str, str]:
    """Return variables written as a mapping, or as a list of `A=b` or `{name, value}`."""
    if isinstance(value, list):
        pairs: Document = {}
        for item in value:
            if isinstance(item, str) and "=" in item:
                name, _, text = item.partition("=")
                pairs[name] = text
            elif isinstance(item, dict) and "value" in item:
                pairs[str(item.get("name") or item.get("key"))] = item["value"]
        value = pairs
    if not isinstance(value, dict):
        return {}
    return {
        str(name): _text(text)
        for name, text in value.items()
        if text is not None and not isinstance(text, dict | list)
    }


def _as_object(value: object) -> Document | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return dict(value) if isinstance(value, Mapping) else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    """Return a scalar as YAML's reader meant it for a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
