"""Folders as values: their content as a digest, their content as something nobody changes.

Compiled Python and the bundle's own description are no part of the content: they are made again wherever the
content is put, and nobody takes them from others.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DESCRIPTION = ".mooring-bundle.json"  # at the top; a name that no package uses for something else
COMPILED = "__pycache__"

READ_ONLY = 0o444
EXECUTABLE = 0o555
_EXECUTES = 0o111
_PERMISSIONS = 0o777
_OWNER_WRITABLE = 0o700
_AT_ONCE_BYTES = 1024 * 1024


class Entry(NamedTuple):
    """What the digest covers of one file, or of one symbolic link."""

    name: str
    """Its path below the root."""
    kind: str
    """Its mode in octal digits, or `link`."""
    content: str
    """SHA-256 of its bytes, or of the link's target, in hex digits."""


def clean(root: Path) -> str:
    """Remove compiled Python, reduce modes to what matters, who may execute, and return the digest."""
    return digest_of(_cleaned(root))


def digest(root: Path) -> str:
    """Return the SHA-256 of the content of `root`: each path, its mode, its bytes or the link's target."""
    content = ((name, found) for name, found in _leaves(root) if not _is_folder(found))
    return digest_of(_entry(name, found, _mode(found)) for name, found in content)


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
            _freeze_file(Path(folder, name))
        Path(folder).chmod(EXECUTABLE)


def _freeze_file(path: Path) -> None:
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode) and mode & _PERMISSIONS & ~EXECUTABLE:
        path.chmod(mode & EXECUTABLE)


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


def _cleaned(root: Path) -> Iterator[Entry]:
    for name, found in _leaves(root):
        if _is_folder(found):
            shutil.rmtree(found.path)
            continue
        mode = wanted = _mode(found)
        if not found.is_symlink():
            wanted = EXECUTABLE if mode & _EXECUTES else READ_ONLY
        if mode != wanted:
            Path(found).chmod(wanted)
        yield _entry(name, found, wanted)


def _leaves(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the files and links of the content, and folders of compiled Python, by their names below `root`.

    A bundle of Node has thousands of small files: a system call more for each is felt.
    """
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(root / prefix) as folder:
            for found in folder:
                name = f"{prefix}{found.name}"
                if _is_folder(found) and found.name != COMPILED:
                    waiting.append(f"{name}/")
                elif name != DESCRIPTION:
                    yield name, found


def _is_folder(found: os.DirEntry[str]) -> bool:
    return found.is_dir(follow_symlinks=False)


def _mode(found: os.DirEntry[str]) -> int:
    return found.stat(follow_symlinks=False).st_mode & _PERMISSIONS


def _entry(name: str, found: os.DirEntry[str], mode: int) -> Entry:
    if found.is_symlink():
        return Entry(name, "link", link_content(os.fspath(Path(found).readlink())))
    with Path(found).open("rb", buffering=0) as file:
        is_small = found.stat().st_size <= _AT_ONCE_BYTES
        content = hashlib.sha256(file.read()) if is_small else hashlib.file_digest(file, "sha256")
    return Entry(name, f"{mode:o}", content.hexdigest())
