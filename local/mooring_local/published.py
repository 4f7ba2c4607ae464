"""What npm and PyPI say about a package, read without installing or running any of it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path
from typing import Any

from mooring_local.packages import BuildFailed, select_script
from mooring_local.plans import NoPlan, Plan

_SECONDS = 120
_MAX_ENTRY_POINTS = 256 * 1024
NPM_SPEC = re.compile(r"(?:@[a-z0-9~][\w.~-]*/)?[a-z0-9~][\w.~-]*(?:@[\w.^~*<>=| -]{1,100})?", re.IGNORECASE)
PYPI_SPEC = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?(?:[=<>!~]=?=?[\w.*+!,<>=~-]{1,100})?")
_EMPTY: dict[str, Any] = {}


def npm(spec: str) -> Plan:
    """Plan an npm package by its `bin`.

    Raises:
        NoPlan: there is no such package, or npm is not here.
    """
    if not NPM_SPEC.fullmatch(spec):
        raise NoPlan(
            f"{spec[:80]!r} is no name of an npm package", "Write it as name, @scope/name or name@version"
        )
    program = shutil.which("npm")
    if program is None:
        raise NoPlan("npm is not installed here", "Install Node.js 20 or newer")
    output = _output([program, "view", "--json", "--loglevel=error", "--", spec], f"npm knows no {spec}")
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    answer = answer[-1] if isinstance(answer, list) and answer else answer
    if not isinstance(answer, dict):
        raise NoPlan(f"npm knows no {spec}", "Check the spelling and the version")
    name, version = str(answer.get("name")), str(answer.get("version"))
    commands = answer.get("bin")
    commands = {name.rpartition("/")[2]: commands} if isinstance(commands, str) else commands
    named = commands if isinstance(commands, dict) else {}
    scripts = {str(key): str(path).removeprefix("./") for key, path in named.items()}
    return _plan(name, scripts, "node", f"node_modules/{name}/", f"npm:{name}@{version}")


def pypi(spec: str) -> Plan:
    """Plan a PyPI package by the console scripts of its wheel.

    Raises:
        NoPlan: there is no such package with a wheel.
    """
    if not PYPI_SPEC.fullmatch(spec):
        raise NoPlan(
            f"{spec[:80]!r} is no name of a PyPI package", "Write it as name, name==version or name[extra]"
        )
    with tempfile.TemporaryDirectory(prefix="mooring-plan-") as folder:
        # Only wheels: the metadata of anything else is known by running it.
        options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", folder, "--", spec]
        _output(command, f"pip finds no wheel of {spec} for this Python")
        wheels = list(Path(folder).glob("*.whl"))
        if len(wheels) != 1:
            raise NoPlan(f"pip downloaded {len(wheels)} wheels of {spec}", "Give one package")
        name, version = wheels[0].name.split("-")[:2]
        scripts = {script: script for script in _console_scripts(wheels[0])}
    return _plan(name.replace("_", "-"), scripts, "python", "bin/", f"pypi:{name}=={version}")


def _plan(name: str, scripts: dict[str, str], program: str, folder: str, address: str) -> Plan:
    try:
        script, _ = select_script(name, scripts, name.rpartition("/")[2], ())
    except BuildFailed as error:
        return Plan("invalid", reason=f"{address}: {error.cause}")
    launch = {"command": program, "args": [f"${{bundle}}/{folder}{script}"], "env": dict(_EMPTY)}
    return Plan("stdio", launch, None, f"{address} is installed once, not at each start")


def _console_scripts(wheel: Path) -> list[str]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".dist-info/entry_points.txt"):
                    if entry.file_size > _MAX_ENTRY_POINTS:
                        break
                    parser = ConfigParser(delimiters=("=",), interpolation=None)
                    parser.optionxform = str  # type: ignore[assignment,method-assign]
                    parser.read_string(archive.read(entry).decode(errors="replace"))
                    return list(parser["console_scripts"]) if "console_scripts" in parser else []
    except (zipfile.BadZipFile, ConfigError) as error:
        raise NoPlan(f"the wheel cannot be read: {error}") from error
    return []


def _output(command: list[str], cause: str) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NoPlan(f"{Path(command[0]).name} did not answer in {_SECONDS} seconds") from error
    if done.returncode:
        raise NoPlan(cause, "Check the spelling and the version, and that the registry can be reached")
    return done.stdout
