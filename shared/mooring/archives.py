"""A bundle as one file, `{digest}.tar.gz`, and back.

The archive of a content is the same bytes wherever it is made, as long as zlib compresses alike. Unpacking
takes from strangers: it accepts what `pack` writes and nothing else.
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from mooring import trees
from mooring.errors import BundleUnusable
from mooring.trees import Entry

_LEVEL = 6  # 9 is 1 % smaller and takes three times as long; all levels unpack alike
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAX_EXTENSION_BYTES = 16_384  # four of Linux's longest paths
_EXTENSIONS = frozenset({"path", "linkpath", "hdrcharset"})
_MODES = frozenset({trees.READ_ONLY, trees.EXECUTABLE})


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Bounds(NamedTuple):
    """Of what is unpacked, so that a small archive cannot fill a disk."""

    size_bytes: int
    files: int


def pack(root: Path, to: IO[bytes]) -> None:
    """Write the archive of a bundle's content.

    Raises:
        BundleUnusable: there is something that does not travel, such as a link out of the bundle.
    """
    _check_links(root)
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=to, mtime=0) as compressed:
        for path in sorted(trees.files(root), key=lambda path: path.relative_to(root).as_posix()):
            _add(compressed, path, path.relative_to(root).as_posix())
        compressed.write(bytes(2 * _BLOCK_BYTES))


def _add(to: gzip.GzipFile, path: Path, name: str) -> None:
    header = tarfile.TarInfo(name)
    if path.is_symlink():
        header.type, header.linkname, header.mode = tarfile.SYMTYPE, os.fspath(path.readlink()), 0o777
        to.write(_encoded(header))
        return
    status = path.stat()
    header.mode, header.size = status.st_mode & 0o7777, status.st_size
    if not path.is_file() or header.mode not in _MODES:
        raise BundleUnusable(f"{name} is no plain file of a bundle")
    to.write(_encoded(header))
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            to.write(chunk)
    to.write(bytes(-header.size % _BLOCK_BYTES))


def _encoded(header: tarfile.TarInfo) -> bytes:
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def unpack(archive: Source, into: Path, bounds: Bounds) -> str:
    """Unpack an archive into the empty folder `into`; return the digest of what is there now.

    Whoever calls it compares the digest before anybody else sees the folder, and removes it otherwise.

    Raises:
        BundleUnusable: it is none, or holds what no bundle has.
        OSError: it cannot be read, or written.
    """
    unpacking = _Unpacking(into, bounds)
    try:
        with gzip.GzipFile(fileobj=archive, mode="rb") as tar:  # type: ignore[call-overload] # reads only
            for header in _headers(_Bounded(tar, bounds)):
                unpacking.take(header)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BundleUnusable(f"the bundle's archive is damaged: {error}") from error
    unpacking.link()
    return trees.digest_of(unpacking.entries)


def digest(archive: Source, bounds: Bounds) -> str:
    """Return the digest of what an archive holds, unpacking nothing; raises as `unpack`.

    Where its links lead is looked at by who unpacks it.
    """
    entries: dict[str, Entry] = {}
    size_bytes = 0
    try:
        with gzip.GzipFile(fileobj=archive, mode="rb") as tar:  # type: ignore[call-overload] # reads only
            for header in _headers(_Bounded(tar, bounds)):
                _check_name(header.name)
                size_bytes += header.size
                if header.name in entries or len(entries) >= bounds.files:
                    raise BundleUnusable(
                        f"the bundle's archive has {header.name!r} twice, or more than {bounds.files} files"
                    )
                if size_bytes > bounds.size_bytes:
                    raise _too_large(bounds)
                entries[header.name] = _entry(header)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BundleUnusable(f"the bundle's archive is damaged: {error}") from error
    return trees.digest_of(entries.values())


def _entry(header: "_Header") -> Entry:
    """Read a file's bytes and return what the digest covers of it."""
    if header.target is not None:
        return Entry(header.name, "link", trees.link_content(header.target))
    content, left = hashlib.sha256(), header.size
    while left:
        chunk = header.content.exactly(min(left, _CHUNK_BYTES))
        content.update(chunk)
        left -= len(chunk)
    header.content.exactly(-header.size % _BLOCK_BYTES)
    return Entry(header.name, f"{header.mode:o}", content.hexdigest())


class _Bounded:
    """The unpacked tar, as far as the bounds allow for content and headers."""

    def __init__(self, source: Source, bounds: Bounds) -> None:
        self._source = source
        self._bounds = bounds
        self._left = bounds.size_bytes + bounds.files * (_MAX_EXTENSION_BYTES + 3 * _BLOCK_BYTES)

    def exactly(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise _too_large(self._bounds)
        parts = b""
        while len(parts) < size:
            part = self._source.read(size - len(parts))
            if not part:
                raise BundleUnusable("the bundle's archive ends before its end")
            parts = parts + part if parts else part
        return parts


class _Header(NamedTuple):
    name: str
    mode: int
    target: str | None
    """Of a symbolic link; None: it is a file."""
    size: int
    content: _Bounded
    """Its first `size` bytes are the file's, and are to be read before the next header."""


def _headers(tar: _Bounded) -> Iterator[_Header]:
    extended: dict[str, str] = {}
    while any(block := tar.exactly(_BLOCK_BYTES)):
        try:
            # Of one block alone: what tarfile would read on for is not bounded.
            found = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise BundleUnusable(f"the bundle's archive is damaged: {error}") from error
        if found.type == tarfile.XHDTYPE and not extended:
            extended = _extension(tar, found.size)
            continue
        if found.type not in (tarfile.REGTYPE, tarfile.SYMTYPE) or found.size < 0:
            raise BundleUnusable(
                f"the bundle's archive has an entry of type {found.type!r}: neither file nor symbolic link"
            )
        name = extended.get("path", _raw_name(block, found))
        target = extended.get("linkpath", found.linkname) if found.type == tarfile.SYMTYPE else None
        yield _Header(name, found.mode, target, 0 if target is not None else found.size, tar)
        extended = {}


def _raw_name(block: bytes, found: tarfile.TarInfo) -> str:
    # tarfile takes slashes off the end of a name; then two spellings would be one file.
    return found.name + "/" if block[:100].rstrip(b"\0").endswith(b"/") else found.name


def _extension(tar: _Bounded, size: int) -> dict[str, str]:
    """Read the records `<length> <name>=<value>` that stand for what a header is too short for."""
    if not 0 < size <= _MAX_EXTENSION_BYTES:
        raise BundleUnusable("the bundle's archive has a header over its bound")
    rest = tar.exactly(size + -size % _BLOCK_BYTES)[:size]
    records: dict[str, str] = {}
    while rest:
        digits, _, _ = rest.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 6 else 0
        name, separator, value = rest[len(digits) + 1 : length - 1].partition(b"=")
        if not separator or rest[length - 1 : length] != b"\n" or name.decode("latin-1") not in _EXTENSIONS:
            raise BundleUnusable("the bundle's archive has a header that no bundle has")
        records[name.decode()] = value.decode("utf-8", "surrogateescape")
        rest = rest[length:]
    return records


@dataclass
class _Unpacking:
    root: Path
    bounds: Bounds
    entries: list[Entry] = field(default_factory=list)
    size_bytes: int = 0
    _links: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _folders: set[str] = field(default_factory=set)

    def take(self, header: _Header) -> None:
        """Write a file, or note a link: while files are written there are no links to be led astray by."""
        _check_name(header.name)
        if len(self.entries) >= self.bounds.files:
            raise BundleUnusable(f"the bundle has more than {self.bounds.files} files")
        if header.name in self._names:
            raise BundleUnusable(f"the bundle's archive has {header.name!r} twice")
        self._names.add(header.name)
        if header.target is not None:
            self._links[header.name] = header.target
            content, kind = trees.link_content(header.target), "link"
        else:
            if header.mode not in _MODES:
                raise BundleUnusable(
                    f"{header.name!r} has the mode {header.mode:o}; files of a bundle have none such"
                )
            self._make_folder(header.name)
            content, kind = self._write(header), f"{header.mode:o}"
        self.entries.append(Entry(header.name, kind, content))

    def link(self) -> None:
        """Make the links, each in a real folder, and see where they lead."""
        for name, target in self._links.items():
            if "\0" in target or not target:
                raise BundleUnusable(f"the link {name!r} leads nowhere")
            self._make_folder(name)
            if name in self._folders:
                raise BundleUnusable(f"the bundle's archive has {name!r} as a link, and files in it")
            (self.root / name).symlink_to(target)
        _check_links(self.root)

    def _make_folder(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if not folder or folder in self._folders:
            return
        self._make_folder(folder)
        if folder in self._names:
            raise BundleUnusable(f"the bundle's archive has {folder!r} as a file or a link, and files in it")
        (self.root / folder).mkdir(mode=0o755)
        self._folders.add(folder)

    def _write(self, header: _Header) -> str:
        self.size_bytes += header.size
        if self.size_bytes > self.bounds.size_bytes:
            raise _too_large(self.bounds)
        content, left = hashlib.sha256(), header.size
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            descriptor = os.open(self.root / header.name, flags, 0o600)
        except (FileExistsError, IsADirectoryError) as error:
            raise BundleUnusable(f"the bundle's archive has {header.name!r} twice") from error
        with open(descriptor, "wb") as file:  # noqa: PTH123 # a descriptor
            while left:
                chunk = header.content.exactly(min(left, _CHUNK_BYTES))
                content.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            os.fchmod(descriptor, header.mode)
        header.content.exactly(-header.size % _BLOCK_BYTES)
        return content.hexdigest()


def _check_name(name: str) -> None:
    parts = name.split("/")
    if "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        raise BundleUnusable(f"the bundle's archive has the path {name!r}, which leads out of the bundle")
    if trees.COMPILED in parts[:-1] or name == trees.DESCRIPTION:
        # Not covered by the digest: whoever has the same bundle would run what this one's publisher compiled.
        raise BundleUnusable(f"the bundle's archive has {name!r}, which each machine makes for itself")


def _check_links(root: Path) -> None:
    top = os.path.realpath(root)
    for path in trees.files(root):
        if not path.is_symlink():
            continue
        found = os.path.realpath(path)
        if path.readlink().is_absolute() or not (found == top or found.startswith(top + os.sep)):
            name = path.relative_to(root).as_posix()
            raise BundleUnusable(f"the link {name!r} leads out of the bundle")


def _too_large(bounds: Bounds) -> BundleUnusable:
    return BundleUnusable(f"the bundle is larger than {bounds.size_bytes} bytes unpacked")
