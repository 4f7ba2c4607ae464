"""Packages that a runner would fetch at session start: installed into the bundle, for its shims to find."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mooring_local import commands, npm, pypi, runtimes
from mooring_local.building import node_projects, python_build
from mooring_local.building.python_build import PythonBuild
from mooring_local.building.runners import Asked
from mooring_local.building.shims import Shims, key
from mooring_local.building.tidy import STATE_FOLDER
from mooring_local.packages import BuildFailed, Progress, select_script

# Runtimes that npm has as packages.
_RUNTIMES = {"bun": "bun@1", "deno": "deno@2"}


def install(asked: Asked, top: Path, runtimes_dir: Path, progress: Progress, lock: int) -> None:
    """Install what a runner is asked for, and write its shims.

    Raises:
        BuildFailed
    """
    if asked.registry == "npm":
        _npm(asked, top, runtimes_dir, progress, lock)
    else:
        _pypi(asked, top, progress, lock)


def runtime(command: str) -> Asked | None:
    """Return the package that is the program `command`, where npm has it."""
    spec = _RUNTIMES.get(command)
    return Asked("npm", spec, command) if spec else None


def _npm(asked: Asked, top: Path, runtimes_dir: Path, progress: Progress, lock: int) -> None:
    node = runtimes.node(runtimes_dir, progress)
    folder = top / STATE_FOLDER / "tools" / "npm" / key(asked.name)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name":"tool","private":true}', encoding="utf-8")
    progress(f"Installing {asked.spec}, which the start would have npx fetch")
    options = ["--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    specs = [asked.spec, *asked.beside]
    command = [*node.npm, "install", "--prefix", str(folder), *options, "--", *specs]
    commands.run(
        npm.NPM,
        f"install {' '.join(specs)}",
        command,
        environment=node.environment,
        progress=progress,
        lock=lock,
    )
    shims, modules = Shims(top), folder / "node_modules"
    about = node_projects.manifest(modules / asked.name, top) or {}
    found = {name: modules / asked.name / path for name, path in node_projects.bins(about).items()}
    default = asked.command or asked.name.rpartition("/")[2]
    if asked.command and asked.command not in found:  # one of its dependencies'
        found |= _linked(modules / ".bin", asked.command)
    chosen = found.get(default)
    if chosen is None:
        only, _ = select_script(asked.name, {name: name for name in found}, default, ())
        chosen = found[only]
    _check(chosen, asked, folder)
    shims.write_npx(asked.name, chosen)
    shims.write_commands({name: path for name, path in found.items() if path.is_file()})


def _linked(folder: Path, name: str) -> Mapping[str, Path]:
    link = folder / name
    return {name: link.resolve()} if link.exists() else {}


def _check(file: Path, asked: Asked, folder: Path) -> None:
    if not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
        raise BuildFailed(f"{asked.name} names a command that is not in it", "Take another version of it")


def _pypi(asked: Asked, top: Path, progress: Progress, lock: int) -> None:
    name = pypi.canonical(asked.name)
    site = top / STATE_FOLDER / "tools" / "pypi" / name
    progress(f"Installing {asked.spec}, which the start would have uvx fetch")
    PythonBuild(site, top, progress, lock).requirements([asked.spec, *asked.beside])
    everything = python_build.scripts(site)
    own = python_build.scripts(site, asked.name)
    script = _script(asked, own, everything)
    shims = Shims(top)
    shims.write_uvx(spellings(asked.name), site, script)
    shims.write_python(site, [script, *own])


def _script(asked: Asked, own: Sequence[str], everything: Sequence[str]) -> str:
    if asked.command:
        if asked.command not in everything:
            raise BuildFailed(
                f"{asked.name} has no command {asked.command}", f"It has {', '.join(own) or 'none'}"
            )
        return asked.command
    script, _ = select_script(asked.name, {name: name for name in own}, asked.name, ())
    return script


def spellings(name: str) -> list[str]:
    """Return what a launch may call a distribution."""
    canonical = pypi.canonical(name)
    return list(dict.fromkeys([name, canonical, canonical.replace("-", "_")]))
