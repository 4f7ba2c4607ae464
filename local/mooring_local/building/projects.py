"""A folder as a bundle: dependencies installed, built in its place, with all that its start would fetch."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring_local import pypi, runtimes
from mooring_local.building import (
    foreign,
    node_projects,
    python_build,
    python_projects,
    runners,
    shims,
    starts,
    tidy,
)
from mooring_local.building.node_build import NodeBuild
from mooring_local.building.python_build import PythonBuild
from mooring_local.building.runners import Asked
from mooring_local.building.starts import Start
from mooring_local.packages import BuildFailed, Launch, Package, Progress

SITE = f"{tidy.STATE_FOLDER}/python"
_NODE = re.compile(r"node|npm|npx|pnpm|pnpx|yarn|bun|bunx|deno|tsx|ts-node")
_PYTHON = re.compile(r"python[\d.]*|uv|uvx|poetry|pdm|pipenv|hatch|rye|pipx|fastmcp|mcp|uvicorn|pip")
_PROGRAM_FILE = re.compile(r"[^\s:]+\.(?:[cm]?[jt]sx?|py)")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass
class Making:
    """Where one folder becomes a bundle: `top` is the bundle, `folder` is in it."""

    top: Path
    folder: Path
    runtimes_dir: Path
    progress: Progress
    lock: int
    own: Asked | None = None

    def package(self, start: Start, name: str) -> Package:
        """Build what `start` needs and return the package.

        Raises:
            BuildFailed
        """
        self.progress(f"Recognised: {start.reason}")
        asked = self._asked(start.words)
        languages = self._languages(start.words, asked)
        if "node" in languages:
            self._node(start.words)
        if "python" in languages:
            self._python(start.words)
        if asked is not None and not self._is_there(asked):
            foreign.install(asked, self.top, self.runtimes_dir, self.progress, self.lock)
        written = shims.Shims(self.top)
        self._write_own(written)
        written.write_runners()
        written.write_scripts()
        tidy.clean(self.top, self.progress)
        launch = self._launch(start.rule)
        self.check_start(start.words, launch)
        about = self._about()
        return Package(
            name=str(about.get("name") or name),
            launch=launch,
            runtime=languages[0] if languages else "",
            version=str(about.get("version") or ""),
            description=str(about.get("description") or "")[:2000],
            config_schema=start.config_schema or {},
            example_config=start.example_config,
            kind=start.kind,
            reason=start.reason,
        )

    def _asked(self, words: Sequence[str]) -> Asked | None:
        try:
            return runners.asked(words) or foreign.runtime(words[0])
        except runners.NotARegistryPackage as error:
            raise BuildFailed(
                f"the start would fetch {str(error)[:80]!r}, which is no package of npm or PyPI",
                "Name a published package, or start what is in the folder",
            ) from error

    def _languages(self, words: Sequence[str], asked: Asked | None) -> list[str]:
        """Return what is to be built: "node", "python", the one that is started first."""
        if asked is not None and self._is_alone(asked):
            self.progress(f"Only {asked.spec} is started: the folder itself is not built")
            return []
        program = words[0].rpartition("/")[2]
        has_node = node_projects.found(self.folder, self.top) is not None
        is_node = bool(_NODE.fullmatch(program)) or self._is_of_node(program)
        is_python = bool(_PYTHON.fullmatch(program))
        if is_node and has_node:
            return ["node"]
        if is_python or not has_node:
            return ["python"]
        return ["node", "python"]

    def _is_of_node(self, program: str) -> bool:
        """Say whether `program` looks like a command of a package that the project depends on."""
        about = node_projects.manifest(self.folder, self.top) or {}
        names = {name.rpartition("/")[2] for name in node_projects.dependencies(about)}
        return program in names or program in node_projects.bins(about)

    def _is_alone(self, asked: Asked) -> bool:
        """Say whether a package of elsewhere is all that is started, and given no file of ours."""
        if self._is_own(asked) or any(_PROGRAM_FILE.fullmatch(word) for word in starts.names(asked.args)):
            return False
        about = node_projects.manifest(self.folder, self.top) or {}
        return asked.name not in node_projects.dependencies(about)

    def _is_own(self, asked: Asked) -> bool:
        """Say whether it is the package that the folder holds, and not another version of it."""
        about = self._about()
        name = str(about.get("name") or "")
        same = (
            pypi.canonical(name) == pypi.canonical(asked.name)
            if asked.registry == "pypi"
            else name == asked.name
        )
        version = asked.version if asked.version not in ("latest", "*") else ""
        if asked.registry == "npm" and same and not node_projects.default_bin(about):
            return False
        return same and version in ("", str(about.get("version") or ""))

    def _is_there(self, asked: Asked) -> bool:
        """Say whether the build has brought what a runner is asked for."""
        if asked.registry == "pypi":
            scripts = python_build.scripts(self.top / SITE)
            if asked.command:
                return asked.command in scripts
            return self._is_own(asked) and bool(python_build.scripts(self.top / SITE, asked.name))
        if self._is_own(asked):
            about = node_projects.manifest(self.folder, self.top) or {}
            name = node_projects.bins(about).get(asked.command) or node_projects.default_bin(about)
            if not (self.folder / name).is_file():
                raise BuildFailed(
                    f"package.json names {name[:80]}, which is not there after the build",
                    'Add a script "build" that makes it, or correct bin',
                )
            return True
        command = asked.command or asked.name
        places = [place for place in (self.folder, *self.folder.parents) if place.is_relative_to(self.top)]
        return any((place / "node_modules" / ".bin" / command).exists() for place in places)

    def _write_own(self, written: shims.Shims) -> None:
        """Have the folder's own package be found by its name, as if a runner had fetched it."""
        about = node_projects.manifest(self.folder, self.top) or {}
        found = {name: self.folder / path for name, path in node_projects.bins(about).items()}
        found = {name: path for name, path in found.items() if self._is_inside(path)}
        default = self.folder / node_projects.default_bin(about)
        if found and self._is_inside(default) and isinstance(about.get("name"), str):
            written.write_npx(about["name"], default)
        written.write_commands(found)
        project = python_projects.found(self.folder, self.top) if (self.top / SITE).is_dir() else None
        own = python_build.scripts(self.top / SITE, project.name) if project and project.name else []
        if project and own:
            script = project.name if project.name in own else own[0]
            written.write_uvx(foreign.spellings(project.name), self.top / SITE, script)

    def _is_inside(self, path: Path) -> bool:
        return path.is_file() and path.resolve().is_relative_to(self.top.resolve())

    def _about(self) -> dict[str, Any]:
        about = node_projects.manifest(self.folder, self.top)
        if about:
            return about
        project = python_projects.found(self.folder, self.top)
        table = (project.document.get("project") if project else None) or {}
        return (
            {"name": project.name, "version": table.get("version"), "description": table.get("description")}
            if project
            else {}
        )

    def _node(self, words: Sequence[str]) -> None:
        project = node_projects.found(self.folder, self.top)
        if project is None:
            return
        needed = starts.names(words)
        for word in words[1:]:  # `npm start` needs what its script names
            needed += starts.names([project.scripts.get(word, "")])
        NodeBuild(project, self.runtimes_dir, self.progress, self.lock).run(needed)

    def _python(self, words: Sequence[str]) -> None:
        project = python_projects.found(self.folder, self.top)
        beside = [*runners.with_packages(words)]
        for word in words:
            if word.endswith(".py"):
                beside += python_projects.inline(self.folder / word, self.top)
        site = self.top / SITE
        build = PythonBuild(site, self.top, self.progress, self.lock)
        if project is not None:
            build.project(project, runners.extras(words), beside)
        elif beside:
            build.requirements(beside)
        shims.Shims(self.top).write_python(site, python_build.scripts(site))

    def _launch(self, rule: Launch) -> Launch:
        inner = self.folder.relative_to(self.top).as_posix()
        at = "${bundle}" if inner == "." else f"${{bundle}}/{inner}"
        path = [f"${{bundle}}/{tidy.STATE_FOLDER}/bin"]
        places = [place for place in (self.folder, *self.folder.parents) if place.is_relative_to(self.top)]
        path += [
            "/".join(["${bundle}", *place.relative_to(self.top).parts, "node_modules/.bin"])
            for place in places
            if (place / "node_modules" / ".bin").is_dir()
        ][:4]
        launch: Launch = {**rule, "cwd": at, "path": path}
        if (self.top / SITE).is_dir():
            env = dict(rule.get("env") or {})
            said = env.get("PYTHONPATH")
            env["PYTHONPATH"] = f"{said}:${{bundle}}/{SITE}" if said else f"${{bundle}}/{SITE}"
            launch["env"] = env
        return launch

    def check_start(self, words: Sequence[str], launch: Launch) -> None:
        """Refuse a start whose command, or first file, is not there after the build."""
        folders = [folder.replace("${bundle}", str(self.top)) for folder in launch["path"]]
        path = ":".join([*folders, runtimes.runtime_path(self.runtimes_dir), _SYSTEM_PATH])
        command = words[0].replace("${bundle}", str(self.top))
        found = (self.folder / command).is_file() if "/" in command else shutil.which(command, path=path)
        if not found:
            raise BuildFailed(
                f"the command {words[0][:80]!r} is neither in the bundle nor where servers run",
                "Start it with node, python, npx, uvx or a file of the folder; images are not built",
            )
        program = command.rpartition("/")[2]
        file = words[1].replace("${bundle}", str(self.top)) if len(words) > 1 else ""
        if (
            program in ("node", "python", "python3")
            and _PROGRAM_FILE.fullmatch(file)
            and not self._is_a_file(file)
        ):
            raise BuildFailed(
                f"the start names {words[1][:80]}, which is not there after the build",
                'Correct the path, or add a script "build" to package.json that makes it',
            )

    def _is_a_file(self, name: str) -> bool:
        return "${" in name or (self.folder / name).is_file()
