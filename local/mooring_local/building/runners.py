"""What `npx`, `uvx` and the like are asked for: which package, and which command of it (no I/O)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Registry = Literal["npm", "pypi"]

_NPX = frozenset({"npx", "bunx", "pnpx"})
_NPX_VALUES = frozenset(
    {
        *("-p", "--package", "-w", "--workspace", "--registry", "--prefix", "--cache", "--userconfig"),
        "--loglevel",
    }
)
UVX_VALUES = frozenset(
    {
        *("--from", "--with", "--python", "-p", "--index-url", "-i", "--index", "--default-index"),
        *(
            "--extra-index-url",
            "--find-links",
            "-f",
            "--with-editable",
            "--with-requirements",
            "--refresh-package",
        ),
        *(
            "--spec",
            "--pip-args",
            "--env-file",
            "--cache-dir",
            "--extra",
            "--group",
            "--package",
            "--directory",
        ),
        *("--project", "--color", "--constraints", "-c", "--overrides", "--prerelease", "--resolution"),
    }
)
_DLX = {
    ("npm", "exec"),
    ("npm", "x"),
    ("pnpm", "dlx"),
    ("yarn", "dlx"),
    ("bun", "x"),
    ("pnpm", "exec"),
    ("yarn", "exec"),
}
_UVX = {("uv", "tool", "run"), ("pipx", "run")}
_NPM_NAME = re.compile(r"((?:@[\w.~-]+/)?[\w.~-]+)(?:@([^@/]*))?")
_PYPI_NAME = re.compile(
    r"([A-Za-z0-9][\w.-]*)(\[[\w,. -]+\])?\s*(?:@\s*([\w.*+!-]+)|([=<>!~][\w.*+!,<>=~ -]+))?"
)


@dataclass(frozen=True)
class Asked:
    """A package that a runner would fetch."""

    registry: Registry
    spec: str
    """As the installer takes it: `name@version`, `name[extra]==version`."""
    name: str
    version: str = ""
    """As it was written, without the sign before it; empty: any."""
    command: str = ""
    """Which of its commands; empty: the one that the runner would take."""
    beside: tuple[str, ...] = ()
    """Specs of packages to install with it."""
    args: tuple[str, ...] = ()


class NotARegistryPackage(ValueError):
    """A runner is asked for an address, a path or a repository; says which."""


def asked(words: Sequence[str]) -> Asked | None:
    """Return what the command line `words` has a runner fetch; None when it asks none.

    Raises:
        NotARegistryPackage
    """
    if not words:
        return None
    name = words[0].rpartition("/")[2]
    if name in _NPX:
        return _npm(words[1:])
    if name == "uvx":
        return _pypi(words[1:], "--from")
    rest = [word for word in words[1:] if not word.startswith("-")]
    if rest and (name, rest[0]) in _DLX:
        return _npm(words[list(words).index(rest[0]) + 1 :])
    if (name, *rest[:2]) in _UVX or (name, *rest[:1]) in _UVX:
        last = "run"
        return _pypi(words[list(words).index(last) + 1 :], "--from" if name == "uv" else "--spec")
    return None


def with_packages(words: Sequence[str]) -> list[str]:
    """Return what `uv run --with X` adds to the environment."""
    options, _, _ = _split(words[2:], UVX_VALUES) if list(words[:2]) == ["uv", "run"] else ({}, [], [])
    return [spec for text in options.get("--with", []) for spec in text.split(",") if spec]


def extras(words: Sequence[str]) -> list[str]:
    """Return the extras that `uv run --extra X` names."""
    options, _, _ = _split(words[2:], UVX_VALUES) if list(words[:2]) == ["uv", "run"] else ({}, [], [])
    return options.get("--extra", [])


def _npm(words: Sequence[str]) -> Asked | None:
    options, flags, rest = _split(words, _NPX_VALUES)
    packages = [*options.get("-p", []), *options.get("--package", [])]
    if not packages and (not rest or {"-c", "--call"} & set(flags)):
        return None
    command = rest[0] if packages and rest else ""
    spec = packages[0] if packages else rest[0]
    found = _NPM_NAME.fullmatch(spec)
    if not found:
        raise NotARegistryPackage(spec)
    beside = tuple(packages[1:])
    return Asked("npm", spec, found[1], found[2] or "", command, beside, tuple(rest[1:]))


def _pypi(words: Sequence[str], source: str) -> Asked | None:
    options, _, rest = _split(words, UVX_VALUES)
    named = options.get(source) or []
    if not rest:
        return None
    command = rest[0] if named else ""
    text = named[0] if named else rest[0]
    found = _PYPI_NAME.fullmatch(text)
    if not found:
        raise NotARegistryPackage(text)
    name, extra, at, pin = found[1], found[2] or "", found[3] or "", found[4] or ""
    version = "" if at == "latest" else at
    spec = name + extra + (f"=={version}" if version else pin)
    beside = tuple(spec for text in options.get("--with", []) for spec in text.split(",") if spec)
    return Asked("pypi", spec, name, version or pin.removeprefix("=="), command, beside, tuple(rest[1:]))


def _split(
    words: Sequence[str], with_value: frozenset[str]
) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Return the options with their values, the flags, and what is left from the first other word."""
    options: dict[str, list[str]] = {}
    flags: list[str] = []
    i = 0
    while i < len(words):
        word = words[i]
        if word == "--":
            return options, flags, list(words[i + 1 :])
        if not word.startswith("-") or word == "-":
            break
        name, separator, value = word.partition("=")
        if name in with_value and separator:
            options.setdefault(name, []).append(value)
        elif name in with_value and i + 1 < len(words):
            i += 1
            options.setdefault(name, []).append(words[i])
        else:
            flags.append(word)
        i += 1
    return options, flags, list(words[i:])
