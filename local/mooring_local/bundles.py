"""Bundles: packages installed once, each in an immutable folder named by the digest of its content.

Two builds of the same content are one bundle. A bundle moves between machines of one platform: its launch
rule says `${bundle}` where it means the folder. It appears whole or not at all, whatever befalls the build.
"""

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring import staging, trees
from mooring.staging import Workspace
from mooring_local import folders, npm, pypi
from mooring_local.packages import Package, Progress


@dataclass(frozen=True)
class Bundle:
    """A package in its place: `path` is `{bundles_dir}/{digest}`."""

    digest: str
    path: Path
    package: Package


def build(
    source: str, bundles_dir: Path, runtimes_dir: Path, progress: Progress, command: Sequence[str] = ()
) -> Bundle:
    """Build `npm:<spec>`, `pypi:<spec>` or a folder; `command` says what of it to start, and how.

    Raises:
        BuildFailed: says why, and what to do.
    """
    bundles_dir.mkdir(parents=True, exist_ok=True)
    with staging.workspace(bundles_dir.resolve()) as workspace:
        package = _install(source, workspace, runtimes_dir, progress, command)
        digest = seal(workspace, _description(source, package), progress)
    return Bundle(digest, bundles_dir.resolve() / digest, package)


def seal(
    workspace: Workspace,
    description: Mapping[str, Any],
    progress: Progress,
    *,
    python: Sequence[str] = (sys.executable,),
    compile_seconds: float | None = None,
) -> str:
    """Make what was built a bundle beside its workspace, unless it is there; return its digest.

    `python` is the command that compiles what is Python of it, for no longer than `compile_seconds`.
    """
    digest = trees.clean(workspace.path)
    path = workspace.path.with_name(digest)
    if not path.exists():
        progress("Compiling and sealing the bundle")
        staging.compile_python(workspace, path, python, timeout_seconds=compile_seconds)
        (workspace.path / trees.DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")
        trees.freeze(workspace.path)
        staging.publish(workspace.path, path)
    return digest


def _install(
    source: str, workspace: Workspace, runtimes_dir: Path, progress: Progress, command: Sequence[str]
) -> Package:
    registry, separator, spec = source.partition(":")
    if separator and registry == "npm":
        return npm.install(spec, workspace, runtimes_dir, progress, command)
    if separator and registry == "pypi":
        return pypi.install(spec, workspace, progress, command)
    return folders.install(Path(source), workspace, runtimes_dir, progress, command)


def _description(source: str, package: Package) -> dict[str, Any]:
    """Return how the bundle came about; not part of its digest."""
    return {
        "source": source,
        "package": package.name,
        "version": package.version,
        "launch": package.launch,
        "runtime": package.runtime,
        "platform": f"{platform.system()}-{platform.machine()}".lower(),
        "python": platform.python_version(),
    }
