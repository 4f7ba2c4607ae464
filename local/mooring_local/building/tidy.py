"""What is taken out of a built folder so that two builds of the same input are the same bytes.

Installers write down where and when they ran: lock files of their own, addresses of the folder they installed
from, first lines of scripts that name the interpreter of the machine that built.
"""

import csv
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mooring_local.packages import Progress

STATE_FOLDER = ".mooring"  # at the top of a bundle: what is not the publisher's
# Names at the top of a node_modules, and anywhere.
_NODE_STATE = frozenset(
    {
        *(".package-lock.json", ".yarn-integrity", ".yarn-state.yml", ".modules.yaml", ".cache", ".vite"),
        *(".pnpm-workspace-state.json", ".pnpm-workspace-state-v1.json", ".vite-temp", ".pnpm-debug.log"),
    }
)
_LEFT_BEHIND = frozenset(
    {
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".npm", ".pnpm-store", ".DS_Store"),
        *("npm-debug.log", "yarn-error.log", ".git", ".yarn-metadata.json"),
    }
)
_PYTHON_STATE = frozenset({"direct_url.json"})
_FIRST_LINE = 512
_PYTHON_LINE = b"#!/usr/bin/env python3\n"


def clean(root: Path, progress: Progress) -> None:
    """Take away what only the build knew; links that lead out of `root` go too, and are told."""
    for path in list(_left_behind(root)):
        _remove(path)
    for path in list(_links(root)):
        _mend(path, root, progress)
    for information in list(root.rglob("*.dist-info")):
        _clean_record(information)


def scripts(folder: Path) -> None:
    """Have the scripts in `folder`, which pip has put there, name no interpreter of this machine.

    pip starts them with the path of its own Python, or with a shell that does where that path is long.
    """
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if not content.startswith(b"#!") or b"python" not in content[:_FIRST_LINE]:
            continue
        first, _, rest = content.partition(b"\n")
        if first == b"#!/bin/sh" and rest.startswith(b"'''exec'"):
            _, _, rest = rest.partition(b"' '''\n")
        path.write_bytes(_PYTHON_LINE + rest)


def _left_behind(root: Path) -> Iterator[Path]:
    for place, folder_names, file_names in os.walk(root):
        is_modules = Path(place).name == "node_modules"
        for name in (*folder_names, *file_names):
            if name in _LEFT_BEHIND or (is_modules and name in _NODE_STATE):
                yield Path(place, name)
        folder_names[:] = [name for name in folder_names if name not in _LEFT_BEHIND]


def _links(root: Path) -> Iterator[Path]:
    for place, folder_names, file_names in os.walk(root):
        for name in (*folder_names, *file_names):
            path = Path(place, name)
            if path.is_symlink():
                yield path


def _mend(link: Path, root: Path, progress: Progress) -> None:
    """Make a link relative, or remove it where it leads out of `root`."""
    top = root.resolve()
    try:
        target = link.resolve()
    except (OSError, RuntimeError):
        target = Path("/")
    if not target.is_relative_to(top):
        progress(f"Leaving out {link.relative_to(root)}, a link that leads out of the folder")
        link.unlink()
    elif link.readlink().is_absolute():
        link.unlink()
        link.symlink_to(os.path.relpath(target, link.parent.resolve()))


def _clean_record(information: Path) -> None:
    """Remove what names the place of the build, and its lines in RECORD; scripts were changed."""
    for name in _PYTHON_STATE:
        (information / name).unlink(missing_ok=True)
    record = information / "RECORD"
    if not record.is_file():
        return
    rows = list(csv.reader(record.read_text(encoding="utf-8", errors="replace").splitlines()))
    kept = [row for row in rows if row and not _is_stale(row[0])]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    record.chmod(0o644)
    record.write_text(text.getvalue(), encoding="utf-8")


def _is_stale(name: str) -> bool:
    return (
        name.rpartition("/")[2] in _PYTHON_STATE
        or "__pycache__/" in name
        or name.startswith(("../", "bin/", "/"))
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
