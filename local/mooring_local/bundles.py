"""Bundles: packages installed once, each in an immutable folder named by the digest of its content.

Two builds of the same content are one bundle. A bundle moves between machines of one platform: its launch
rule says `${bundle}` where it means the folder. It appears whole or not at all, whatever befalls the build.
"""

import fcntl
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mooring_local import folders, npm, pypi, trees
from mooring_local.packages import Package, Progress, Workspace

DESCRIPTION = ".mooring-bundle.json"  # a name that no package uses for something else
_UNFINISHED = ".build-"


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
    with _workspace(bundles_dir.resolve()) as workspace:
        package = _install(source, workspace, runtimes_dir, progress, command)
        trees.clean(workspace.path)
        digest = trees.digest(workspace.path)
        path = workspace.path.with_name(digest)
        if not path.exists():
            progress("Compiling and sealing the bundle")
            _compile(workspace)
            _describe(workspace.path, source, package)
            trees.freeze(workspace.path)
            _publish(workspace.path, path)
    return Bundle(digest, path, package)


def _install(
    source: str, workspace: Workspace, runtimes_dir: Path, progress: Progress, command: Sequence[str]
) -> Package:
    registry, separator, spec = source.partition(":")
    if separator and registry == "npm":
        return npm.install(spec, workspace, runtimes_dir, progress, command)
    if separator and registry == "pypi":
        return pypi.install(spec, workspace, progress, command)
    return folders.install(Path(source), workspace, runtimes_dir, progress, command)


@contextmanager
def _workspace(bundles_dir: Path) -> Iterator[Workspace]:
    """Provide a folder on the file system of the bundles; first sweep those of builds that were killed."""
    with _locked(bundles_dir):
        _sweep(bundles_dir)
        path = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=bundles_dir))
        lock = os.open(path, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield Workspace(path, lock)
    finally:
        trees.remove(path)
        os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(bundles_dir: Path) -> None:
    """Remove the workspaces whose lock nobody holds: neither the build nor an installer it started."""
    for path in bundles_dir.glob(f"{_UNFINISHED}*"):
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            trees.remove(path)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _compile(workspace: Workspace) -> None:
    """Compile Python where there is any: nobody can do it later in a folder that is read-only.

    The hash in the files is never checked again, so they stay valid wherever the bundle is unpacked. What
    does not compile (code for other versions, templates) is left as it is.
    """
    options = ["-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run(
        [sys.executable, "-m", "compileall", *options, str(workspace.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        pass_fds=(workspace.lock,),
    )


def _describe(folder: Path, source: str, package: Package) -> None:
    """Write down how the bundle came about; not part of its digest."""
    description = {
        "source": source,
        "package": package.name,
        "version": package.version,
        "launch": package.launch,
        "runtime": package.runtime,
        "platform": f"{platform.system()}-{platform.machine()}".lower(),
        "python": platform.python_version(),
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")


def _publish(built: Path, path: Path) -> None:
    try:
        built.rename(path)
    except OSError:
        if not path.is_dir():  # else another build of the same content was faster
            raise
