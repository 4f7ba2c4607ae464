"""From a release's launch rule and a session's configuration to what is executed (no I/O).

A rule says `{"command": ..., "args": [...], "env": {...}, "cwd": ...}`. Its texts may contain `${bundle}`,
the read-only folder of the release's bundle, `${session}`, the session's own folder, which goes when it ends,
and `${config.a.b}`, a value of the session's configuration. No shell is involved and nothing is expanded
twice, so a value can never become a second argument or another placeholder.

A rule may say `{"commandFunction": "(config) => …", "env": …, "cwd": …}` instead: JavaScript that answers
with the command, which `mooring.command_function` asks in a process of its own.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.errors import InvalidRequest

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
# POSIX forbids no more than "=" and NUL; a name may well begin with a digit.
_VARIABLE = re.compile(r"[^=\s\0]+")
MAX_FUNCTION_CHARACTERS = 65_536  # the largest of the public ones seen has 8 KB


@dataclass(frozen=True)
class Launch:
    """What to execute. `argv` and `env` may hold secrets of the configuration, hence no repr."""

    argv: tuple[str, ...] = field(repr=False)
    env: dict[str, str] = field(repr=False)
    cwd: str


@dataclass(frozen=True)
class Computed:
    """A launch that JavaScript says: `source`, called with `config`. What it says is not filled in again."""

    source: str
    config: Mapping[str, Any] = field(repr=False)
    env: dict[str, str] = field(repr=False)
    """Of the rule itself; what the function says goes over it."""
    cwd: str

    def launch(self, command: str, args: Sequence[str], env: Mapping[str, str]) -> Launch:
        """Return what to execute, once the function has answered."""
        return Launch((command, *args), {**self.env, **env}, self.cwd)


def planned(
    launch: Mapping[str, Any], config: Mapping[str, Any], bundle: str | None, session: str
) -> Launch | Computed:
    """Do as `resolve`, or return what is still to be computed for a rule that is a `commandFunction`.

    Raises:
        InvalidRequest: as `resolve` does.
    """
    if "commandFunction" not in launch:
        return resolve(launch, config, bundle, session)
    source = launch["commandFunction"]
    if not isinstance(source, str) or not 0 < len(source) <= MAX_FUNCTION_CHARACTERS:
        raise InvalidRequest(
            f"launch.commandFunction must be JavaScript of at most {MAX_FUNCTION_CHARACTERS} characters"
        )
    for name in ("command", "args"):
        if launch.get(name):
            raise InvalidRequest(f"launch.{name} and launch.commandFunction exclude each other; give one")
    texts = _Texts(config, bundle, session)
    cwd = texts.fill("launch.cwd", launch["cwd"]) if launch.get("cwd") else None
    return Computed(source, config, texts.variables(launch.get("env")), cwd or session)


def resolve(launch: Mapping[str, Any], config: Mapping[str, Any], bundle: str | None, session: str) -> Launch:
    """Fill in `launch`; `bundle` is the folder of the release's bundle, None when it has none.

    The child starts in its `session` folder unless the rule has a `cwd`.

    An argument or a variable whose only content is a value that `config` does not have is left out; inside a
    longer text such a value is empty.

    Raises:
        InvalidRequest: names the field that cannot be used, never a value of `config`.
    """
    if "commandFunction" in launch:
        raise InvalidRequest(
            "launch.commandFunction is evaluated by a worker only; give launch.command and launch.args"
        )
    texts = _Texts(config, bundle, session)
    command = texts.fill("launch.command", launch.get("command"))
    if not command:
        raise InvalidRequest("launch.command is empty; name the program to run")
    arguments = [texts.fill(f"launch.args[{i}]", arg) for i, arg in enumerate(_list(launch.get("args")))]
    return Launch(
        argv=(command, *(argument for argument in arguments if argument is not None)),
        env=texts.variables(launch.get("env")),
        cwd=(texts.fill("launch.cwd", launch["cwd"]) if launch.get("cwd") else None) or session,
    )


@dataclass(frozen=True)
class _Texts:
    config: Mapping[str, Any]
    bundle: str | None
    session: str

    def fill(self, where: str, template: object) -> str | None:
        """Return `template` filled in; None when it is nothing but an absent value."""
        if not isinstance(template, str):
            raise InvalidRequest(f"{where} must be a string")
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            text = self._value(where, whole[1])
        else:
            text = _PLACEHOLDER.sub(lambda found: self._value(where, found[1]) or "", template)
        if text is not None and "\0" in text:
            raise InvalidRequest(f"{where} would contain a NUL character")
        return text

    def variables(self, env: object) -> dict[str, str]:
        filled = {name: self.fill(f"launch.env.{name}", value) for name, value in _variables(env).items()}
        return {name: value for name, value in filled.items() if value is not None}

    def _value(self, where: str, name: str) -> str | None:
        if name == "bundle":
            if self.bundle is None:
                raise InvalidRequest(f"{where} uses ${{bundle}} and the release has no bundle")
            return self.bundle
        if name == "session":
            return self.session
        head, _, path = name.partition(".")
        if head != "config" or not path:
            raise InvalidRequest(
                f"{where} has ${{{name}}}; only ${{bundle}}, ${{session}} and ${{config.<name>}} are known"
            )
        value: object = self.config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, separators=(",", ":"))


def _list(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest("launch.args must be an array of strings")
    return value


def _variables(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest("launch.env must be an object of strings")
    for name in value:
        if not _VARIABLE.fullmatch(name):
            raise InvalidRequest(f"launch.env: {name!r} is not a name of an environment variable")
    return value
