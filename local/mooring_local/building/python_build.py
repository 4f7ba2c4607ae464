"""Installs a Python project and what it depends on into one folder, with pip."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

from mooring.settings import whole
from mooring_local import commands, pypi
from mooring_local.building import python_projects, tidy
from mooring_local.building.python_projects import Project
from mooring_local.packages import BuildFailed, Progress

_NOT_COPIED = shutil.ignore_patterns(
    "node_modules", ".venv", "venv", ".git", "__pycache__", tidy.STATE_FOLDER
)
# Projects that take their version from the history of git, which is not there.
_VERSIONS = {
    "SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0",
    "POETRY_DYNAMIC_VERSIONING_BYPASS": "0.0.0",
    "PBR_VERSION": "0.0.0",
    "UV_DYNAMIC_VERSIONING_BYPASS": "0.0.0",
    "PDM_BUILD_SCM_VERSION": "0.0.0",
    "SOURCE_DATE_EPOCH": "315532800",  # 1980, the first year of a zip
    "PIP_NO_COLOR": "1",
    "PIP_PROGRESS_BAR": "off",
    "PYTHONHASHSEED": "0",
}
_PIP = commands.Program(
    pypi.PIP.name,
    pypi.PIP.error_prefix,
    (
        *pypi.PIP.hints,
        (
            (
                "Multiple top-level",
                "Unable to determine which files to ship",
                "package directory",
                "No file/folder found",
            ),
            "Say in pyproject.toml which packages it has, or leave out its build-system",
        ),
    ),
)


class PythonBuild:
    """Installs into `site`; `top` is the top of the repository."""

    def __init__(self, site: Path, top: Path, progress: Progress, lock: int) -> None:
        self._site = site
        self._top = top
        self._progress = progress
        self._lock = lock

    def project(self, project: Project, extras: Sequence[str] = (), beside: Sequence[str] = ()) -> bool:
        """Install `project`, with `extras` of it and requirements `beside` it; say whether it is there too.

        Raises:
            BuildFailed
        """
        said = f", at the versions of {project.lock}" if project.lock else ""
        self._progress(f"Installing the Python project {project.name}".rstrip() + f" with pip{said}")
        if not project.is_package:
            self._requirements(project, extras, beside)
            return False
        with tempfile.TemporaryDirectory(prefix="mooring-source-") as place:
            # Tools that make wheels write beside what they read.
            copy = Path(place).resolve() / "source"
            shutil.copytree(self._top, copy, symlinks=True, ignore=_NOT_COPIED)
            own = str(_within(project.folder, self._top, copy))
            others = [str(_within(path, self._top, copy)) for path in project.beside]
            targets = [f"{own}[{','.join(extras)}]" if extras else own, *others, *beside]
            try:
                self._install(targets, project)
            except BuildFailed as error:
                if "build-system" in project.document or not project.requirements:
                    raise
                self._progress(f"It is no package ({error.cause}): installing what it depends on")
                self._requirements(replace(project, beside=()), extras, beside)
                return False
        return True

    def requirements(self, wanted: Sequence[str]) -> None:
        """Install packages of the index.

        Raises:
            BuildFailed
        """
        self._install(wanted, Project(self._top))

    def _requirements(self, project: Project, extras: Sequence[str], beside: Sequence[str]) -> None:
        more = [text for name in extras for text in python_projects.extra(project, name)]
        wanted = [*project.requirements, *more, *map(str, project.beside), *beside]
        if wanted or project.files:
            self._install(wanted, project)

    def _install(self, targets: Sequence[str], project: Project) -> None:
        with tempfile.TemporaryDirectory(prefix="mooring-pip-") as place:
            options = [
                "--no-compile",
                "--no-input",
                "--disable-pip-version-check",
                "--no-warn-script-location",
            ]
            options += ["--upgrade", "--target", str(self._site)]
            if project.constraints:
                pins = Path(place) / "constraints.txt"
                pins.write_text("".join(f"{pin}\n" for pin in project.constraints), encoding="utf-8")
                options += ["--constraint", str(pins)]
            for file in project.files:
                options += ["--requirement", str(file)]
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                *options,
                *(["--", *targets] if targets else []),
            ]
            what = f"install {project.name or 'what the server depends on'}"
            commands.run(
                _PIP,
                what,
                command,
                folder=project.folder,
                environment={**whole(), **_VERSIONS},
                progress=self._progress,
                lock=self._lock,
            )
        tidy.scripts(self._site / "bin")


def scripts(site: Path, name: str = "") -> list[str]:
    """Return the commands in `site`: those of the distribution `name`, or all."""
    there = sorted(path.name for path in (site / "bin").iterdir()) if (site / "bin").is_dir() else []
    if not name:
        return there
    wanted = pypi.canonical(name)
    own = {
        point.name
        for one in distributions(path=[str(site)])
        if pypi.canonical(one.metadata["Name"] or "") == wanted
        for point in one.entry_points
        if point.group == "console_scripts"
    }
    # A program that is no Python is no entry point.
    return [script for script in there if script in (own or {name})]


def _within(path: Path, top: Path, copy: Path) -> Path:
    return copy / path.resolve().relative_to(top.resolve())
