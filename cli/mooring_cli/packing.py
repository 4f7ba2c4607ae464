"""A folder as one archive for the builder: the same content is the same archive, whenever it is packed."""

import gzip
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mooring_cli.failures import Failure

MAX_UPLOAD_BYTES = 50 * 1024 * 1024  # mooring.uploads has the same, with what the registry needs

_LEFT_OUT = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", ".mypy_cache", ".tox"})
_SECRET = frozenset({".env", ".env.local", ".env.production"})
_SHOWN = 3


def pack(folder: Path, into: IO[bytes]) -> int:
    """Write what belongs to `folder` as a tar.gz; return how many files that are.

    In a git repository that is what git would take, new files included; elsewhere everything but what
    installers make. Files of secrets (`.env`) stay here.

    Raises:
        Failure: it is too large, or has no file.
    """
    names = sorted(_names(folder))
    if not names:
        raise Failure(f"{folder} has no files")
    with (
        gzip.GzipFile(fileobj=into, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in names:
            archive.add(folder / name, name, recursive=False, filter=_plain)
            if into.tell() > MAX_UPLOAD_BYTES:
                raise _too_large(folder, names)
    if into.tell() > MAX_UPLOAD_BYTES:
        raise _too_large(folder, names)
    return len(names)


def _names(folder: Path) -> Iterator[str]:
    for name in _of_git(folder) or _of_folder(folder):
        path = folder / name
        if path.name not in _SECRET and (path.is_symlink() or path.is_file()):
            yield name


def _of_git(folder: Path) -> list[str]:
    """Return what git has in `folder` or would add; nothing where it is no part of a repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        return []
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return names if done.returncode == 0 else []


def _of_folder(folder: Path) -> Iterator[str]:
    for path, folder_names, file_names in os.walk(folder):
        folder_names[:] = [name for name in folder_names if name not in _LEFT_OUT]
        yield from (str(Path(path, name).relative_to(folder)) for name in file_names)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    return info


def _too_large(folder: Path, names: list[str]) -> Failure:
    sizes = sorted(((folder / name).lstat().st_size, name) for name in names)[-_SHOWN:]
    shown = [f"{name}: {size / 1e6:.1f} MB" for size, name in reversed(sizes)]
    return Failure(
        f"{folder} has more than {MAX_UPLOAD_BYTES // 1024**2} MB, packed",
        "Leave out what is not needed to build it (.gitignore), or give the address of its repository",
        shown,
    )
