"""PyPI packages: installed with pip into one folder, started with the runtime's own Python."""

import json
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from mooring.staging import Workspace
from mooring_local import commands
from mooring_local.packages import (
    BuildFailed,
    Launch,
    Package,
    Progress,
    select_script,
    web_address,
)

_NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Cannot connect to proxy",
)
PIP = commands.Program(
    "pip",
    "ERROR:",
    (
        (_NO_NETWORK, "pip cannot reach its index; check the network and pip's own configuration"),
        (("requires a different Python", "Requires-Python"), "It needs another version of Python"),
        (("ResolutionImpossible",), "Its dependencies contradict each other; correct their versions"),
        (
            (
                "error: command 'gcc'",
                "error: command 'cc'",
                "Failed building wheel",
                "Unable to find a compiler",
            ),
            "It compiles native code and has no wheel for this Python; take a version that has one",
        ),
        (("from versions: none",), "There is no such package for this Python; check the spelling"),
        (("from versions:",), "There is no such version; choose one of those listed"),
        (("Invalid requirement",), "Write it as name, name==version or name[extra]"),
    ),
)


def install(
    spec: str,
    workspace: Workspace,
    progress: Progress,
    command: Sequence[str],
    output: Progress = lambda line: None,
) -> Package:
    """Install `spec` (`name`, `name==version`, ...) into the workspace; pip's lines go to `output`.

    Raises:
        BuildFailed
    """
    progress(f"Installing {spec} with pip")
    # pip is asked what it installed, since `spec` may be a path or a URL as well.
    report = workspace.path / ".pip-report.json"
    pip = _pip(spec, workspace.path, report)
    commands.run(PIP, f"install {spec}", pip, progress=output, lock=workspace.lock)
    metadata = _requested(spec, report)
    report.unlink()
    name = str(metadata["name"])
    script, arguments = select_script(name, _scripts(workspace.path, name), name, command)
    return Package(
        name=name,
        launch=_launch(script, arguments),
        address=f"pypi:{name}=={metadata['version']}",
        runtime="python",
        version=str(metadata["version"]),
        description=str(metadata.get("summary") or ""),
        homepage=_homepage(metadata),
    )


def _pip(spec: str, target: Path, report: Path) -> list[str]:
    options = ["--no-compile", "--no-input", "--disable-pip-version-check", "--report", str(report)]
    return [sys.executable, "-m", "pip", "install", "--target", str(target), *options, "--", spec]


def _requested(spec: str, report: Path) -> dict[str, Any]:
    """Return the metadata of the package that was asked for, out of all that came with it."""
    items = json.loads(report.read_text(encoding="utf-8"))["install"]
    requested = [item["metadata"] for item in items if item["requested"]]
    if len(requested) != 1:
        raise BuildFailed(f"pip installed {len(requested)} packages for {spec}", "Give one package")
    metadata: dict[str, Any] = requested[0]
    return metadata


def _scripts(folder: Path, name: str) -> dict[str, str]:
    """Return the console scripts of the distribution `name` in `folder`, each as its own name."""
    for distribution in distributions(path=[str(folder)]):
        if canonical(distribution.metadata["Name"]) == canonical(name):
            return {script: script for script in _console_scripts(distribution)}
    return {}


def _console_scripts(distribution: Distribution) -> list[str]:
    return [point.name for point in distribution.entry_points if point.group == "console_scripts"]


def canonical(name: str) -> str:
    """Return the form in which two spellings of a distribution's name are the same."""
    return name.lower().replace("_", "-").replace(".", "-")


def _launch(script: str, arguments: list[str]) -> Launch:
    # The script's first line names the Python that built the bundle; named as an argument, it is not used.
    return {
        "command": "python",
        "args": [f"${{bundle}}/bin/{script}", *arguments],
        "env": {"PYTHONPATH": "${bundle}"},
    }


def _homepage(metadata: dict[str, Any]) -> str:
    labelled = (entry.partition(",") for entry in metadata.get("project_url", []))
    urls = {label.strip().lower(): url.strip() for label, _, url in labelled}
    labels = ("homepage", "repository", "source", "source code", "github")
    return web_address(*(urls.get(label, "") for label in labels), str(metadata.get("home_page") or ""))
