"""Writes the programs of a bundle's `.mooring`: `bin`, first in the PATH, and what those there look up.

.mooring/bin/npx, uv, npm …      see mooring_local.building.shim_texts
.mooring/bin/<command>           of Python packages, and of packages that npx or uvx would fetch
.mooring/npx/<name>              the command npx starts of the package <name>, `+` for its slash
.mooring/uvx/<name>              the command uvx starts of the package <name>
.mooring/scripts/<folder>/<name> a script of the package.json of a folder
"""

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from mooring_local.building import node_projects, runners, shim_texts
from mooring_local.building.tidy import STATE_FOLDER

_NPX = ("npx", "bunx", "pnpx")
_SCRIPTS = ("npm", "pnpm", "yarn", "bun")
_UVX = ("uvx", "pipx")
_RUN = ("uv", "poetry", "pdm", "pipenv", "hatch", "rye")
_RUNTIMES = ("python", "python3", "node", "sh", "bash", "env")
RESERVED = frozenset((*_NPX, *_SCRIPTS, *_UVX, *_RUN, *_RUNTIMES))
_MAX_MANIFESTS = 200


class Shims:
    """Of the bundle at `top`."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._state = top / STATE_FOLDER
        self.bin = self._state / "bin"

    def write_runners(self) -> None:
        """Write what stands for the programs that would install something."""
        values = "|".join(sorted(runners.UVX_VALUES - {"--from", "--spec", "--directory", "--project"}))
        for names, text in (
            (_NPX, shim_texts.NPX),
            (_SCRIPTS, shim_texts.SCRIPTS),
            (_UVX, shim_texts.UVX),
            (_RUN, shim_texts.RUN),
        ):
            for name in names:
                _program(self.bin / name, text.replace("VALUES", values))

    def write_python(self, site: Path, scripts: Iterable[str]) -> None:
        """Write the commands that pip has put into `site`."""
        for script in scripts:
            if script not in RESERVED and not (self.bin / script).exists():
                _program(self.bin / script, self._python(self.bin, site, script))

    def write_uvx(self, names: Iterable[str], site: Path, script: str) -> None:
        """Have `uvx <name>` start a command of `site`."""
        for name in names:
            _program(self._state / "uvx" / name, self._python(self._state / "uvx", site, script))

    def write_npx(self, name: str, file: Path) -> None:
        """Have `npx <name>` start `file`, a program of Node or one with a first line of its own."""
        text = f'#!/bin/sh\nexec {_started(file, self._state / "npx")} "$@"\n'
        _program(self._state / "npx" / key(name), text)

    def write_commands(self, commands: Mapping[str, Path]) -> None:
        """Have programs of Node be found by name."""
        for name, file in commands.items():
            if name not in RESERVED and "/" not in name and not (self.bin / name).exists():
                _program(self.bin / name, f'#!/bin/sh\nexec {_started(file, self.bin)} "$@"\n')

    def write_scripts(self) -> None:
        """Write the scripts of every package.json, as npm would run them, less what is done at the build."""
        count = 0
        for place, folder_names, file_names in os.walk(self._top):
            folder_names[:] = sorted(n for n in folder_names if n != "node_modules" and not n.startswith("."))
            folder = Path(place)
            about = node_projects.manifest(folder, self._top) if "package.json" in file_names else None
            if about is None or (count := count + 1) > _MAX_MANIFESTS:
                continue
            inner = folder.relative_to(self._top)
            scripts = node_projects.scripts(about)
            for name, text in scripts.items():
                if name and "/" not in name and "\0" not in name and name not in (".", ".."):
                    path = self._state / "scripts" / inner / name
                    _program(path, _script(name, text, inner, about, scripts))

    def _python(self, place: Path, site: Path, script: str) -> str:
        inner = os.path.relpath(site, place)
        is_python = (site / "bin" / script).read_bytes()[:64].startswith(b"#!/usr/bin/env python3")
        program = 'python "$site/bin/' if is_python else '"$site/bin/'
        return (
            f"#!/bin/sh\nsite=${{0%/*}}/{inner}\n"
            'PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$site"; export PYTHONPATH\n'
            f'exec {program}{script}" "$@"\n'
        )


def key(name: str) -> str:
    """Return the name of the file for a package: its own, with `+` for its slash."""
    return name.replace("/", "+", 1)


def _started(file: Path, place: Path) -> str:
    path = os.path.relpath(file, place)
    first = file.read_bytes()[:200].split(b"\n")[0]
    is_node = not first.startswith((b"#!", b"\x7fELF")) or b"node" in first
    return f'node "${{0%/*}}/{path}"' if is_node else f'"${{0%/*}}/{path}"'


def _script(
    name: str, text: str, folder: Path, about: Mapping[str, object], scripts: Mapping[str, str]
) -> str:
    if name == "build":
        text = ":"  # it has been run, and nobody writes into a bundle
    built = ["npm run build", "yarn build", "pnpm build", "pnpm run build", "yarn run build", "bun run build"]
    for done in (*built, scripts.get("build", "").strip()):
        text = text.removeprefix(f"{done} && ") if done else text
    places = [folder, *folder.parents]
    bins = ":".join(f"$top/{(place / 'node_modules' / '.bin').as_posix()}" for place in places)
    said = {
        "npm_lifecycle_event": name,
        "npm_package_name": about.get("name"),
        "npm_package_version": about.get("version"),
    }
    lines = [f"{key}={shlex.quote(str(value))}; export {key}" for key, value in said.items() if value]
    quoted = shlex.quote(f'{text} "$@"')
    return "\n".join(
        [
            "#!/bin/sh",
            f"top=${{0%/{STATE_FOLDER}/*}}",
            f'cd "$top"/{shlex.quote(folder.as_posix())} || exit 1',
            *lines,
            f'PATH="{bins}:$PATH"; export PATH',
            f'exec sh -c {quoted} sh "$@"',
            "",
        ]
    )


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
