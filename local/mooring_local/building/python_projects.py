"""Python projects: what is to be installed of one, and at which versions (no programs run)."""

import json
import platform
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from mooring_local import plans
from mooring_local.packages import BuildFailed

Document = dict[str, Any]

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_TILDE = re.compile(r"~\s*(\d+(?:\.\d+)*)")
_INLINE = re.compile(r"^# /// script\s*$\n((?:^#(?:| .*)$\n)+?)^# ///\s*$", re.MULTILINE)
_MAX_MEMBERS = 50


@dataclass(frozen=True)
class Project:
    folder: Path
    name: str = ""
    is_package: bool = False
    """It can be installed itself; else only what it depends on."""
    scripts: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    """What it depends on, as pip takes it."""
    files: tuple[Path, ...] = ()
    """Of requirements."""
    beside: tuple[Path, ...] = ()
    """Folders of the repository that it depends on."""
    constraints: tuple[str, ...] = ()
    lock: str = ""
    document: Document = field(default_factory=dict, repr=False)


def found(folder: Path, top: Path) -> Project | None:
    """Return the project in `folder` of a repository whose top is `top`; None: there is nothing to install.

    Raises:
        BuildFailed: it cannot be read, or needs another Python.
    """
    text = plans.read(folder / "pyproject.toml", top)
    document = _toml(text, "pyproject.toml") if text is not None else {}
    lock, pins = _pins(folder, top)
    project, poetry = _table(document, "project"), _table(document, "tool", "poetry")
    if project or poetry:
        _check_python(str(project.get("requires-python") or ""))
        scripts = tuple(map(str, {**_table(poetry, "scripts"), **_table(project, "scripts")}))
        wanted = _texts(project.get("dependencies")) or tuple(_poetry(poetry))
        return Project(
            folder=folder,
            name=str(project.get("name") or poetry.get("name") or ""),
            is_package=_is_package(document, bool(scripts)),
            scripts=scripts,
            requirements=wanted,
            beside=tuple(_beside(document, folder, top)),
            constraints=pins,
            lock=lock,
            document=document,
        )
    files = tuple(path for path in (folder / "requirements.txt",) if plans.read(path, top) is not None)
    if plans.read(folder / "setup.py", top) is not None:
        return Project(folder, is_package=True, files=files, constraints=pins, lock=lock)
    return Project(folder, files=files, constraints=pins, lock=lock) if files else None


def inline(script: Path, top: Path) -> tuple[str, ...]:
    """Return what a script asks for in its first comment (`# /// script`).

    Raises:
        BuildFailed: it needs another Python.
    """
    block = _INLINE.search(plans.read(script, top) or "")
    if not block:
        return ()
    text = "\n".join(line[2:] for line in block[1].splitlines())
    document = _toml(text, script.name)
    _check_python(str(document.get("requires-python") or ""))
    return _texts(document.get("dependencies"))


def extra(project: Project, name: str) -> tuple[str, ...]:
    """Return what the extra `name` of a project that is no package adds."""
    tables = (
        _table(project.document, "project", "optional-dependencies"),
        _table(project.document, "dependency-groups"),
    )
    return tuple(text for table in tables for text in _texts(table.get(name)))


def _check_python(wanted: str) -> None:
    try:
        fits = Version(platform.python_version()) in SpecifierSet(wanted) if wanted else True
    except (InvalidSpecifier, InvalidVersion):
        return  # pip says what is wrong with it
    if not fits:
        raise BuildFailed(
            f"the project needs Python {wanted} and Mooring runs {platform.python_version()}",
            "Widen requires-python, or have Mooring run on a Python that fits",
        )


def _is_package(document: Document, has_scripts: bool) -> bool:
    uv, poetry = _table(document, "tool", "uv"), _table(document, "tool", "poetry")
    if uv.get("package") is False or poetry.get("package-mode") is False:
        return False
    return "build-system" in document or uv.get("package") is True or has_scripts


def _pins(folder: Path, top: Path) -> tuple[str, tuple[str, ...]]:
    """Return the name of the lock file, of the folder or of one above it, and its versions as constraints."""
    for at in (folder, *folder.parents):
        for name in _LOCKS:
            text = plans.read(at / name, top)
            if text is not None:
                document = _toml(text, name)
                return name, _constraints(document.get("package") or document.get("packages"))
        text = plans.read(at / "Pipfile.lock", top)
        if text is not None:
            return "Pipfile.lock", _of_pipfile(text)
        if at == top:
            break
    return "", ()


def _constraints(packages: object) -> tuple[str, ...]:
    versions: dict[str, list[str]] = {}
    for package in packages if isinstance(packages, list) else []:
        if not isinstance(package, dict):
            continue
        source = package.get("source")
        kinds = set(source) if isinstance(source, dict) else set()
        name, version = package.get("name"), package.get("version")
        is_elsewhere = bool(kinds & {"editable", "virtual", "directory", "path", "git", "url"})
        is_elsewhere = is_elsewhere or (
            isinstance(source, dict) and source.get("type") in ("git", "url", "directory", "file")
        )
        if isinstance(name, str) and isinstance(version, str) and not is_elsewhere:
            versions.setdefault(name, []).append(version)
    # Of a name that is there twice, which one counts depends on markers.
    return tuple(f"{name}=={found[0]}" for name, found in sorted(versions.items()) if len(found) == 1)


def _of_pipfile(text: str) -> tuple[str, ...]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    listed = document.get("default") if isinstance(document, dict) else None
    return tuple(
        f"{name}{about['version']}"
        for name, about in sorted((listed if isinstance(listed, dict) else {}).items())
        if isinstance(about, dict) and isinstance(about.get("version"), str)
    )


def _poetry(poetry: Document) -> Iterator[str]:
    """Yield the dependencies of a poetry project as pip takes them."""
    for name, about in _table(poetry, "dependencies").items():
        if name == "python":
            continue
        about = {"version": about} if isinstance(about, str) else about
        if not isinstance(about, dict) or about.get("optional") or "path" in about:
            continue
        extras = ",".join(_texts(about.get("extras")))
        if isinstance(about.get("git"), str):
            at = about.get("rev") or about.get("tag") or about.get("branch")
            yield f"{name} @ git+{about['git']}" + (f"@{at}" if at else "")
            continue
        yield f"{name}{f'[{extras}]' if extras else ''}{_specifier(str(about.get('version', '*')))}"


def _specifier(text: str) -> str:
    """Return what poetry writes as `^1.2`, `~1.2`, `1.2` or `*` as pip has it."""
    parts = []
    for part in (one.strip() for one in text.split(",")):
        caret, tilde = _CARET.fullmatch(part), _TILDE.fullmatch(part)
        if part in ("*", ""):
            continue
        if caret:
            numbers = [int(number) for number in caret.groups() if number is not None]
            at = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
            upper = [*numbers[:at], numbers[at] + 1]
            parts.append(f">={'.'.join(map(str, numbers))},<{'.'.join(map(str, upper))}")
        elif tilde:
            numbers = [int(number) for number in tilde[1].split(".")][:2]
            upper = [*numbers[:-1], numbers[-1] + 1]
            parts.append(f">={tilde[1]},<{'.'.join(map(str, upper))}")
        else:
            parts.append(f"=={part}" if part[0].isdigit() else part)
    return ",".join(parts)


def _beside(document: Document, folder: Path, top: Path) -> Iterator[Path]:
    """Yield the folders that `tool.uv.sources` and poetry's paths name, within the repository."""
    sources = _table(document, "tool", "uv", "sources")
    paths = [about.get("path") for about in sources.values() if isinstance(about, dict)]
    poetry = _table(document, "tool", "poetry", "dependencies")
    paths += [about.get("path") for about in poetry.values() if isinstance(about, dict)]
    for text in paths:
        path = (folder / text).resolve() if isinstance(text, str) else None
        if path is None:
            continue
        if not path.is_relative_to(top.resolve()):
            raise BuildFailed(
                f"pyproject.toml depends on {text}, which leads out of the repository",
                "Depend on a published package",
            )
        yield path
    wanted = {
        _canonical(n) for n, about in sources.items() if isinstance(about, dict) and about.get("workspace")
    }
    for path in _members(folder, top) if wanted else ():
        about = _toml(plans.read(path / "pyproject.toml", top) or "", "pyproject.toml")
        if path != folder and _canonical(str(_table(about, "project").get("name", ""))) in wanted:
            yield path


def _members(folder: Path, top: Path) -> list[Path]:
    for at in (folder, *folder.parents):
        about = _toml(plans.read(at / "pyproject.toml", top) or "", "pyproject.toml")
        patterns = _texts(_table(about, "tool", "uv", "workspace").get("members"))
        if patterns:
            inner = (p for p in patterns if ".." not in p and not p.startswith("/") and p.strip("./"))
            return [path for p in inner for path in sorted(at.glob(p)) if path.is_dir()][:_MAX_MEMBERS]
        if at == top:
            break
    return []


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _toml(text: str, name: str) -> Document:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BuildFailed(f"{name} is not TOML: {error}"[:200], "Correct it") from error


def _table(document: Document, *path: str) -> Document:
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
