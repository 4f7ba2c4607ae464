"""Folders of bundles: each appears whole or not at all, whatever befalls who makes it.

A bundle is made in a folder beside the others that its maker holds locked; the next maker sweeps those that
nobody holds any more.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mooring import trees

_UNFINISHED = ".build-"


@dataclass(frozen=True)
class Workspace:
    """The folder a bundle is made in. Its lock is held as long as a process has `lock` open."""

    path: Path
    lock: int


@contextmanager
def workspace(bundles_dir: Path) -> Iterator[Workspace]:
    """Provide a folder on the file system of the bundles; first sweep those whose makers were killed."""
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


def publish(made: Path, path: Path) -> None:
    """Make a frozen folder visible as the bundle at `path`; another one of the same content may be there."""
    try:
        made.rename(path)
    except OSError:
        if not path.is_dir():  # else somebody else who made the same content was faster
            raise


def compile_python(
    workspace: Workspace, path: Path, command: Sequence[str], *, timeout_seconds: float | None = None
) -> None:
    """Compile Python where there is any: nobody can do it later in a folder that is read-only.

    `command` is the interpreter that will run it, `path` where the folder will be. The hash in the files is
    never checked again, so they stay valid there. What does not compile (code for other versions, templates)
    is left as it is, and so is what is not done after `timeout_seconds`.
    """
    if not any(file.suffix == ".py" for file in trees.files(workspace.path)):
        return  # finding nothing takes compileall longer than the rest of a small bundle takes
    options = ["-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    places = ["-s", str(workspace.path), "-p", str(path)]
    with suppress(OSError, subprocess.TimeoutExpired):  # slower to start, not wrong
        subprocess.run(
            [*command, "-I", "-m", "compileall", *options, *places, str(workspace.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=timeout_seconds,
            pass_fds=(workspace.lock,),
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sweep(bundles_dir: Path) -> None:
    """Remove the workspaces whose lock nobody holds: neither the maker nor a process it started."""
    for path in bundles_dir.glob(f"{_UNFINISHED}*"):
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            trees.remove(path)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
