"""Installing the peers into `.bench/`, each into a folder of its own."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.session import BenchError
from benchmarks.workspace import WORKSPACE, log_file

_INSTALL_SECONDS = 300


class NotInstalled(BenchError):
    """A peer is not here and could not be brought here; the text says why."""


@dataclass(frozen=True)
class Npm:
    """Packages of npm, with their versions."""

    packages: tuple[str, ...]
    minimum_node: int = 20

    def folder(self) -> Path:
        return WORKSPACE / "npm" / _folder_name(self.packages[0])

    def install(self) -> None:
        node = shutil.which("node")
        if node is None or shutil.which("npm") is None:
            raise NotInstalled("needs Node.js and npm")
        if _node_version(node) < self.minimum_node:
            raise NotInstalled(f"needs Node.js {self.minimum_node} or later")
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--loglevel=error"]
        self.folder().mkdir(parents=True, exist_ok=True)
        _once(self.folder(), self.packages, [["npm", "install", "--prefix", ".", *options, *self.packages]])

    def path(self, inside: str) -> str:
        return str(self.folder() / "node_modules" / inside)


@dataclass(frozen=True)
class PyPI:
    """A package of PyPI, with its version, and the Python it needs."""

    package: str
    python: str = ""
    """A minor version, such as 3.12; empty: the Python of the benchmark."""

    def folder(self) -> Path:
        return WORKSPACE / "venv" / _folder_name(self.package)

    def install(self) -> None:
        python = _interpreter(self.python)
        if python is None:
            raise NotInstalled(f"needs Python {self.python}, which is not on this machine")
        pip = ["bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        make = [python, "-m", "venv", "--clear", "."]
        self.folder().mkdir(parents=True, exist_ok=True)
        _once(self.folder(), (self.package,), [make, [*pip, self.package]])

    def path(self, program: str) -> str:
        return str(self.folder() / "bin" / program)


@dataclass(frozen=True)
class Machine:
    """A program that the machine has or has not; the benchmark does not install it."""

    program: str

    def install(self) -> None:
        if shutil.which(self.program) is None:
            raise NotInstalled(f"{self.program} is not on this machine")

    def path(self, program: str) -> str:
        return shutil.which(program) or program


def _folder_name(package: str) -> str:
    return package.replace("/", "-").lstrip("@")


def _once(folder: Path, packages: tuple[str, ...], commands: list[list[str]]) -> None:
    """Run `commands` in `folder` unless they have succeeded there for the same packages."""
    stamp, wanted = folder / "installed.json", json.dumps(packages)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)
    log = log_file(f"install-{folder.name}")
    with log.open("wb") as output:
        for command in commands:
            try:
                subprocess.run(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    check=True,
                    timeout=_INSTALL_SECONDS,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise NotInstalled(f"could not be installed; see {log}") from error
    stamp.write_text(wanted, encoding="utf-8")


def _node_version(node: str) -> int:
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    return int(asked.stdout.strip().lstrip("v").partition(".")[0] or 0)


def _interpreter(minor: str) -> str | None:
    if not minor:
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        return None
    try:  # a version manager's stand-in is there for a Python that is not
        subprocess.run([found, "-c", ""], capture_output=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return found
