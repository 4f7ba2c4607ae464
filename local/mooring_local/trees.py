"""Folders as values: their content as a digest, their content as something nobody changes."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_EXECUTABLE = 0o111
_OWNER_WRITABLE = 0o700


def clean(root: Path) -> None:
    """Remove compiled Python and reduce modes to what matters: who may execute."""
    for folder, folder_names, _ in os.walk(root):
        if "__pycache__" in folder_names:
            folder_names.remove("__pycache__")
            shutil.rmtree(Path(folder, "__pycache__"))
    for path in _files(root):
        if not path.is_symlink():
            path.chmod(0o555 if path.stat().st_mode & _EXECUTABLE else 0o444)


def digest(root: Path) -> str:
    """Return the SHA-256 of the content of `root`: each path, its mode, its bytes or the link's target."""
    total = hashlib.sha256()
    for path in sorted(_files(root), key=lambda path: path.relative_to(root).as_posix()):
        if path.is_symlink():
            kind, content = "link", hashlib.sha256(os.fsencode(path.readlink()))
        else:
            with path.open("rb") as file:
                kind, content = f"{path.stat().st_mode & 0o777:o}", hashlib.file_digest(file, "sha256")
        name = os.fsencode(path.relative_to(root))
        total.update(b"%s %d %s %s\n" % (kind.encode(), len(name), name, content.hexdigest().encode()))
    return total.hexdigest()


def freeze(root: Path) -> None:
    """Take away every permission to write in `root`."""
    for folder, _, file_names in os.walk(root):
        for name in file_names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o555)
        Path(folder).chmod(0o555)


def remove(root: Path) -> None:
    """Remove `root`, frozen or not; it need not exist."""
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(_OWNER_WRITABLE)
    shutil.rmtree(root, ignore_errors=True)


def _files(root: Path) -> Iterator[Path]:
    """Yield files and links, those to folders included."""
    for folder, folder_names, file_names in os.walk(root):
        yield from (Path(folder, name) for name in file_names)
        yield from (path for path in (Path(folder, name) for name in folder_names) if path.is_symlink())
