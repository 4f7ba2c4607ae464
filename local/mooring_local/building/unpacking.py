"""Archives of strangers: unpacked into one folder, or refused by the name of the entry that would leave it.

Everything is checked before anything is written, by the names and sizes that the archive states; what it
holds beyond those sizes is not written.
"""

import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from mooring_local.packages import BuildFailed

MAX_BYTES = 250 * 1024 * 1024  # what a Lambda function may have unpacked
MAX_FILES = 20_000
MAX_DEPTH = 64
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError),
    *(OSError, EOFError, ValueError, zipfile.zlib.error),  # type: ignore[attr-defined]
)
_LEFT_OUT = frozenset({"__MACOSX", ".git", "__pycache__"})
_CHUNK = 1024 * 1024
_NEXT = "Make the archive again, of the folder alone"


@dataclass(frozen=True)
class Entry:
    name: str
    kind: str
    """`file`, `folder`, `link` (symbolic), `hardlink`, or what else it is."""
    size: int
    is_executable: bool
    target: str = ""


def unpack(file: Path, folder: Path) -> None:
    """Unpack a zip or a tar (gzip or plain) into the empty `folder`; a single folder at its top is stripped.

    Raises:
        BuildFailed: it is neither, too large, or has an entry that would not stay in the folder.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                _write(_zip_entries(archive), folder)
        else:
            with tarfile.open(file, "r:*") as archive_:
                _write(_tar_entries(archive_), folder)
    except _BROKEN as error:
        raise BuildFailed("the upload is no zip and no tar that can be read", _NEXT) from error
    _strip(folder)
    check_links(folder)


def check_links(folder: Path) -> None:
    """Refuse a link that leads out of `folder`, also by way of others.

    Raises:
        BuildFailed: names it.
    """
    root = folder.resolve()
    for place, folder_names, file_names in os.walk(folder):
        for path in (Path(place, name) for name in (*folder_names, *file_names)):
            if path.is_symlink() and (path.readlink().is_absolute() or not _is_within(path, root)):
                raise _refused(
                    str(path.relative_to(folder)),
                    f"links out of the archive, to {str(path.readlink())[:80]!r}",
                )


def _is_within(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop
        return False


def is_archive(file: Path) -> bool:
    """Say whether the content looks like one; its name does not count."""
    return zipfile.is_zipfile(file) or tarfile.is_tarfile(file)


_Entries = Iterator[tuple[Entry, "IO[bytes] | None"]]


def _zip_entries(archive: zipfile.ZipFile) -> tuple[list[Entry], _Entries]:
    infos = archive.infolist()
    entries = [_of_zip(archive, info) for info in infos]

    def content() -> _Entries:
        for entry, info in zip(entries, infos, strict=True):
            if entry.kind != "file":
                yield entry, None
                continue
            with archive.open(info) as source:
                yield entry, source

    return entries, content()


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    mode = info.external_attr >> 16
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    kind = "folder" if info.is_dir() else kinds.get(stat.S_IFMT(mode), "device")
    target = ""
    if kind == "link":
        with archive.open(info) as source:
            target = os.fsdecode(source.read(4096))
    name = info.orig_filename.replace("\\", "/")
    return Entry(name, kind, info.file_size, bool(mode & 0o111), target)


def _tar_entries(archive: tarfile.TarFile) -> tuple[list[Entry], _Entries]:
    members, entries = [], []
    total = 0
    for member in archive:  # a bomb is noticed on the way, not at its end
        members.append(member)
        entries.append(_of_tar(member))
        total += member.size
        _check_size(len(members), total, member.name)

    def content() -> _Entries:
        for entry, member in zip(entries, members, strict=True):
            yield entry, archive.extractfile(member) if entry.kind == "file" else None

    return entries, content()


def _of_tar(member: tarfile.TarInfo) -> Entry:
    kind = "device"
    for is_it, name in (
        (member.isreg(), "file"),
        (member.isdir(), "folder"),
        (member.issym(), "link"),
        (member.islnk(), "hardlink"),
    ):
        kind = name if is_it else kind
    return Entry(member.name, kind, member.size, bool(member.mode & 0o111), member.linkname)


def _write(archive: tuple[list[Entry], _Entries], folder: Path) -> None:
    entries, content = archive
    _check(entries)
    links: list[tuple[Path, str]] = []
    for entry, source in content:
        path = folder.joinpath(*_parts(entry.name))
        if path == folder or _LEFT_OUT & set(_parts(entry.name)):
            continue
        try:
            (path if entry.kind == "folder" else path.parent).mkdir(parents=True, exist_ok=True)
            if entry.kind in ("link", "hardlink"):
                links.append((path, entry.target))
            elif source is not None:
                copy(source, path, entry)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise _refused(entry.name, "is a file and a folder, or there twice") from error
    # Last, so that nothing is written through one.
    for path, target in links:
        try:
            path.symlink_to(target)
        except FileExistsError as error:
            name = str(path.relative_to(folder))
            raise _refused(name, "is a link and something else, or there twice") from error


def copy(source: IO[bytes], path: Path, entry: Entry) -> None:
    written = 0
    with path.open("xb") as file:
        while chunk := source.read(min(_CHUNK, entry.size - written + 1)):
            written += len(chunk)
            if written > entry.size:
                raise _refused(entry.name, "is larger than the archive says")
            file.write(chunk)
    path.chmod(0o755 if entry.is_executable else 0o644)


def _check(entries: list[Entry]) -> None:
    total = 0
    seen: set[PurePosixPath] = set()
    for count, entry in enumerate(entries, 1):
        total += entry.size
        _check_size(count, total, entry.name)
        path = PurePosixPath(entry.name)
        parts = path.parts
        if "\0" in entry.name or path.is_absolute() or ".." in parts or (parts and parts[0].endswith(":")):
            raise _refused(entry.name, "leads out of the archive")
        if len(parts) > MAX_DEPTH:
            raise _refused(entry.name, f"lies more than {MAX_DEPTH} folders deep")
        if entry.kind == "device":
            raise _refused(entry.name, "is neither a file nor a folder")
        if entry.kind == "hardlink":
            raise _refused(entry.name, "is a hard link; have it be a file of its own")
        if entry.kind == "link" and (not entry.target or "\0" in entry.target):
            raise _refused(entry.name, "is a link to nothing")
        if path in seen and entry.kind != "folder":
            raise _refused(entry.name, "is there twice")
        seen.add(path)


def _check_size(count: int, total: int, name: str) -> None:
    if count > MAX_FILES or total > MAX_BYTES:
        limit = f"{MAX_FILES} files or {MAX_BYTES // 1024**2} MB"
        raise _refused(name, f"is beyond what an archive may unpack to: {limit}")


def _refused(name: str, why: str) -> BuildFailed:
    return BuildFailed(f"the upload's entry {name[:200]!r} {why}", _NEXT)


def _parts(name: str) -> list[str]:
    return [part for part in PurePosixPath(name).parts if part != "."]


def _strip(folder: Path) -> None:
    """Put what lies in a single folder in its place."""
    inside = list(folder.iterdir())
    if len(inside) != 1 or inside[0].is_symlink() or not inside[0].is_dir():
        return
    aside = folder / ".mooring-stripped"
    inside[0].rename(aside)
    for path in aside.iterdir():
        shutil.move(path, folder / path.name)
    aside.rmdir()
