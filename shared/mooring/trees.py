"""Folders as values: their content as a digest, their content as something nobody changes.

Compiled Python and the bundle's own description are no part of the content: they are made again wherever the
content is put, and nobody takes them from others.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DESCRIPTION = ".mooring-bundle.json"  # at the top; a name that no package uses for something else
COMPILED = "__pycache__"

READ_ONLY = 0o444
EXECUTABLE = 0o555
_EXECUTES = 0o111
_OWNER_WRITABLE = 0o700


class Entry(NamedTuple):
    """What the digest covers of one file, or of one symbolic link."""

    name: str
    """Its path below the root."""
    kind: str
    """Its mode in octal digits, or `link`."""
    content: str
    """SHA-256 of its bytes, or of the link's target, in hex digits."""


def clean(root: Path) -> None:
    """Remove compiled Python and reduce modes to what matters: who may execute."""
    for folder, folder_names, _ in os.walk(root):
        if COMPILED in folder_names:
            folder_names.remove(COMPILED)
            shutil.rmtree(Path(folder, COMPILED))
    for path in files(root):
        if not path.is_symlink():
            path.chmod(EXECUTABLE if path.stat().st_mode & _EXECUTES else READ_ONLY)


def digest(root: Path) -> str:
    """Return the SHA-256 of the content of `root`: each path, its mode, its bytes or the link's target."""
    return digest_of(_entry(root, path) for path in files(root))


def digest_of(entries: Iterable[Entry]) -> str:
    """Return the digest of a tree that consists of `entries`, in any order."""
    total = hashlib.sha256()
    for entry in sorted(entries):
        name = os.fsencode(entry.name)
        total.update(b"%s %d %s %s\n" % (entry.kind.encode(), len(name), name, entry.content.encode()))
    return total.hexdigest()


def link_content(target: str) -> str:
    """Return what `Entry.content` is of a link."""
    return hashlib.sha256(os.fsencode(target)).hexdigest()


def freeze(root: Path) -> None:
    """Take away every permission to write in `root`; everybody may read and pass through."""
    for folder, _, file_names in os.walk(root):
        for name in file_names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & EXECUTABLE)
        Path(folder).chmod(EXECUTABLE)


def remove(root: Path) -> None:
    """Remove `root`, frozen or not; it need not exist."""
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(_OWNER_WRITABLE)
    shutil.rmtree(root, ignore_errors=True)


def files(root: Path) -> Iterator[Path]:
    """Yield the files and links that are the content of `root`, links to folders included."""
    for folder, folder_names, file_names in os.walk(root):
        if COMPILED in folder_names and not Path(folder, COMPILED).is_symlink():
            folder_names.remove(COMPILED)
        is_top = folder == os.fspath(root)
        yield from (Path(folder, name) for name in file_names if not (is_top and name == DESCRIPTION))
        yield from (path for path in (Path(folder, name) for name in folder_names) if path.is_symlink())


def _entry(root: Path, path: Path) -> Entry:
    name = path.relative_to(root).as_posix()
    if path.is_symlink():
        return Entry(name, "link", link_content(os.fspath(path.readlink())))
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(name, f"{path.stat().st_mode & 0o777:o}", content)
