"""From a release's launch rule and a session's configuration to what is executed (no I/O).

A rule says `{"command": ..., "args": [...], "env": {...}, "cwd": ..., "path": [...]}`. Its texts may contain
`${bundle}`, the read-only folder of the release's bundle, `${session}`, the session's own folder, which goes
when it ends, and `${config.a.b}`, a value of the session's configuration. No shell is involved and nothing is
expanded twice, so a value can never become another placeholder, nor a second argument where the rule does not
say `${config.a[]}`: that alone spreads a list into one argument for each of its items.

An item of `args` may be a list of texts, a group: `["--key", "${config.key}"]` is there as a whole or not at
all, and `["--add", "${config.items[]}"]` once for each item.

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
# Where programs come from is the release's to say, never the configuration's.
PATH_FOLDER = r"(\$\{(bundle|session)\}(/[^:${}\x00]*)?|/[^:${}\x00]*)"
_SPREAD = "[]"
MAX_PATH_FOLDERS = 16
MAX_FUNCTION_CHARACTERS = 65_536  # the largest of the public ones seen has 8 KB


@dataclass(frozen=True)
class Launch:
    """What to execute. `argv` and `env` may hold secrets of the configuration, hence no repr."""

    argv: tuple[str, ...] = field(repr=False)
    env: dict[str, str] = field(repr=False)
    cwd: str
    path: tuple[str, ...] = ()
    """Folders that come first in the PATH of the child."""


@dataclass(frozen=True)
class Computed:
    """A launch that JavaScript says: `source`, called with `config`. What it says is not filled in again."""

    source: str
    config: Mapping[str, Any] = field(repr=False)
    env: dict[str, str] = field(repr=False)
    """Of the rule itself; what the function says goes over it."""
    cwd: str
    path: tuple[str, ...] = ()

    def launch(self, command: str, args: Sequence[str], env: Mapping[str, str]) -> Launch:
        """Return what to execute, once the function has answered."""
        return Launch((command, *args), {**self.env, **env}, self.cwd, self.path)


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
    path = texts.folders(launch.get("path"))
    return Computed(source, config, texts.variables(launch.get("env")), cwd or session, path)


def resolve(launch: Mapping[str, Any], config: Mapping[str, Any], bundle: str | None, session: str) -> Launch:
    """Fill in `launch`; `bundle` is the folder of the release's bundle, None when it has none.

    The child starts in its `session` folder unless the rule has a `cwd`.

    An argument or a variable whose only content is a value that `config` does not have is left out, and a
    group that has such a text as a whole; inside a longer text such a value is empty.

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
    arguments: list[str] = []
    for i, argument in enumerate(_list("launch.args", launch.get("args"))):
        arguments += texts.words(f"launch.args[{i}]", argument)
    return Launch(
        argv=(command, *arguments),
        env=texts.variables(launch.get("env")),
        cwd=(texts.fill("launch.cwd", launch["cwd"]) if launch.get("cwd") else None) or session,
        path=texts.folders(launch.get("path")),
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

    def words(self, where: str, argument: object) -> list[str]:
        """Return the arguments that an item of `args` becomes: a text, or a group of them."""
        if not isinstance(argument, list):
            return self._group(where, [argument])
        if not argument:
            raise InvalidRequest(f"{where} is an empty group; give its texts, or leave it out")
        return self._group(where, argument)

    def _group(self, where: str, group: list[object]) -> list[str]:
        spread = [self._items(where, text) for text in group]
        times = max((len(items) for items in spread if items is not None), default=1)
        if sum(items is not None for items in spread) > 1:
            raise InvalidRequest(f"{where} spreads two lists; a group may have one")
        words: list[str] = []
        for n in range(times):
            texts = [
                self.fill(where, text) if items is None else items[n]
                for text, items in zip(group, spread, strict=True)
            ]
            words += [] if None in texts else [text for text in texts if text is not None]
        return words

    def _items(self, where: str, template: object) -> list[str] | None:
        """Return the items of the list that `template` spreads; None when it spreads none."""
        whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
        if whole is None or not whole[1].endswith(_SPREAD):
            return None
        value = self._configured(where, whole[1].removesuffix(_SPREAD))
        texts = [_text(item) for item in (value if isinstance(value, list) else [value])]
        if any(text is not None and "\0" in text for text in texts):
            raise InvalidRequest(f"{where} would contain a NUL character")
        return [text for text in texts if text is not None]

    def folders(self, path: object) -> tuple[str, ...]:
        """Return the folders of `launch.path`."""
        listed = _list("launch.path", path)
        if len(listed) > MAX_PATH_FOLDERS:
            raise InvalidRequest(f"launch.path has more than {MAX_PATH_FOLDERS} folders")
        filled = [self._folder(f"launch.path[{i}]", folder) for i, folder in enumerate(listed)]
        return tuple(filled)

    def _folder(self, where: str, template: object) -> str:
        if not isinstance(template, str) or not re.fullmatch(PATH_FOLDER, template):
            raise InvalidRequest(f"{where} must be a folder that starts with /, ${{bundle}} or ${{session}}")
        return self.fill(where, template) or ""

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
        return _text(self._configured(where, name))

    def _configured(self, where: str, name: str) -> object:
        head, _, path = name.partition(".")
        if path.endswith(_SPREAD):
            raise InvalidRequest(
                f"{where} has ${{{name}}}, which spreads a list: it must be a whole argument"
            )
        if head != "config" or not path:
            raise InvalidRequest(
                f"{where} has ${{{name}}}; only ${{bundle}}, ${{session}} and ${{config.<name>}} are known"
            )
        value: object = self.config
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def _text(value: object) -> str | None:
    """Return a value of the configuration as a text; None when there is none."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _list(where: str, value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(f"{where} must be an array of strings")
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
