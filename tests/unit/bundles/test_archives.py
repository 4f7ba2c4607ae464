"""Bundles as archives: the same bytes for the same content; from strangers only what `pack` writes."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from mooring import archives, trees
from mooring.archives import Bounds
from mooring.errors import BundleUnusable

BOUNDS = Bounds(1_000_000, 1000)
LONG = "a" * 90 + "/" + "ü" * 90 + "/" + "c" * 90

Entry = tuple[tarfile.TarInfo, bytes]


def tree(root: Path) -> Path:
    """Make a tree of everything that bundles consist of."""
    (root / "bin").mkdir(parents=True)
    (root / "lib/deep").mkdir(parents=True)
    (root / "bin/run").write_text("#!/bin/sh\n")
    (root / "bin/run").chmod(0o700)
    (root / "lib/deep/data").write_bytes(bytes(range(256)) * 20)
    (root / "lib/empty").write_bytes(b"")
    (root / "lib/link").symlink_to("deep")
    (root / "run").symlink_to("bin/run")
    (root / LONG).parent.mkdir(parents=True)
    (root / LONG).write_text("long")
    (root / os.fsdecode(b"\xff\xfe")).write_text("no text")
    trees.clean(root)
    return root


def packed(root: Path) -> bytes:
    to = io.BytesIO()
    archives.pack(root, to)
    return to.getvalue()


def unpacked(archive: bytes, into: Path, bounds: Bounds = BOUNDS) -> str:
    into.mkdir()
    return archives.unpack(io.BytesIO(archive), into, bounds)


def file(name: str, content: bytes = b"x", mode: int = 0o444) -> Entry:
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), mode
    return header, content


def special(name: str, kind: bytes, target: str = "") -> Entry:
    header = tarfile.TarInfo(name)
    header.type, header.linkname, header.mode = kind, target, 0o444
    return header, b""


def link(name: str, target: str) -> Entry:
    return special(name, tarfile.SYMTYPE, target)


def crafted(*entries: Entry, format: Literal[0, 1, 2] = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive as tarfile writes it, of headers that nobody has checked."""
    parts = [
        header.tobuf(format, "utf-8", "surrogateescape") + content + bytes(-len(content) % 512)
        for header, content in entries
    ]
    return gzip.compress(b"".join(parts) + bytes(1024))


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path) -> None:
    root = tree(tmp_path / "bundle")

    digest = unpacked(packed(root), tmp_path / "there")

    assert digest == trees.digest(root) == trees.digest(tmp_path / "there")
    assert (tmp_path / "there/lib/link/data").read_bytes() == bytes(range(256)) * 20
    assert os.access(tmp_path / "there/run", os.X_OK)


def test_the_same_content_is_the_same_archive_whoever_made_it_and_when(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "one"), tree(tmp_path / "other")
    os.utime(other / "lib/empty", (1, 1))
    (other / "lib/__pycache__").mkdir()
    (other / "lib/__pycache__/x.pyc").write_bytes(b"compiled here")
    (other / trees.DESCRIPTION).write_text("{}")

    assert packed(one) == packed(other)


def test_what_each_machine_makes_for_itself_is_no_part_of_the_digest(tmp_path: Path) -> None:
    root = tree(tmp_path / "bundle")
    before = trees.digest(root)

    (root / "lib/__pycache__").mkdir()
    (root / "lib/__pycache__/x.pyc").write_bytes(b"compiled")
    (root / trees.DESCRIPTION).write_text("{}")

    assert trees.digest(root) == before
    (root / "lib" / trees.DESCRIPTION).write_text("{}")
    assert trees.digest(root) != before


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "lib/../../outside"])
def test_a_bundle_with_a_link_out_of_it_is_not_packed(tmp_path: Path, target: str) -> None:
    root = tree(tmp_path / "bundle")
    (root / "out").symlink_to(target)

    with pytest.raises(BundleUnusable, match="'out' leads out"):
        packed(root)


HOSTILE = {
    "an absolute path": [file("/etc/evil")],
    "a path through the parent": [file("a/../../evil")],
    "the parent itself": [link("..", "a")],
    "a path with a dot": [file("./evil")],
    "an empty path": [file("")],
    "a path with an empty part": [file("a//evil")],
    "a hard link": [file("a"), special("b", tarfile.LNKTYPE, "/etc/passwd")],
    "an absolute link": [link("out", "/etc")],
    "a link out": [file("a/b"), link("a/out", "../../etc")],
    "a link out by way of another link": [file("a/b/c"), link("a/up", "b/../.."), link("z", "a/up/../..")],
    "a file through a link": [link("door", "a"), file("a/x"), file("door/evil")],
    "a file under a file": [file("a"), file("a/evil")],
    "a link under a link": [file("a/x"), link("b", "a"), link("b/c", "x")],
    "a link in the place of a folder": [file("a/x"), link("a", "b")],
    "a link without a target": [link("a", "")],
    "the same path twice": [file("a"), file("a", b"y")],
    "the same link twice": [link("a", "x"), link("a", "y")],
    "a file and a link of one path": [link("a", "x"), file("a")],
    "a file in the place of a folder": [file("a/b"), file("a")],
    "a device": [special("null", tarfile.CHRTYPE)],
    "a block device": [special("disk", tarfile.BLKTYPE)],
    "a fifo": [special("pipe", tarfile.FIFOTYPE)],
    "a folder": [special("folder", tarfile.DIRTYPE)],
    "a sparse file": [special("sparse", tarfile.GNUTYPE_SPARSE)],
    "a file that runs as its owner": [file("su", mode=0o4555)],
    "a file that runs as its group": [file("su", mode=0o2555)],
    "a file that can be written": [file("a", mode=0o644)],
    "compiled Python": [file("lib/__pycache__/os.cpython-311.pyc")],
    "a description": [file(trees.DESCRIPTION)],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_is_refused_that_has(entries: list[Entry], tmp_path: Path) -> None:
    with pytest.raises(BundleUnusable):
        unpacked(crafted(*entries), tmp_path / "there")

    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_names_of_gnu_tar_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleUnusable, match="entry of type"):
        unpacked(crafted(file("a" * 300), format=tarfile.GNU_FORMAT), tmp_path / "there")


def test_a_header_that_says_what_no_bundle_says_is_refused(tmp_path: Path) -> None:
    header, content = file("a")
    header.pax_headers = {"GNU.sparse.realname": "/etc/evil"}

    with pytest.raises(BundleUnusable, match="header that no bundle has"):
        unpacked(crafted((header, content)), tmp_path / "there")


def test_a_header_without_end_is_refused_unread(tmp_path: Path) -> None:
    header, content = file("a")
    header.pax_headers = {"path": "a" * 1_000_000}

    with pytest.raises(BundleUnusable, match="over its bound"):
        unpacked(crafted((header, content)), tmp_path / "there")


def test_a_small_archive_cannot_become_large(tmp_path: Path) -> None:
    bomb = crafted(file("zeros", bytes(50_000_000)))
    assert len(bomb) < 100_000

    with pytest.raises(BundleUnusable, match="larger than 1000000 bytes"):
        unpacked(bomb, tmp_path / "there")

    assert sum(path.stat().st_size for path in (tmp_path / "there").iterdir()) == 0


def test_nor_can_it_become_many_files(tmp_path: Path) -> None:
    with pytest.raises(BundleUnusable, match="more than 10 files"):
        unpacked(crafted(*(file(f"{n}", b"") for n in range(11))), tmp_path / "there", Bounds(1000, 10))


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"<html>",
        lambda whole: gzip.compress(b"x" * 2000),
    ],
    ids=["cut", "something else", "no tar"],
)
def test_what_is_no_whole_archive_is_refused(damage: Damage, tmp_path: Path) -> None:
    with pytest.raises(BundleUnusable):
        unpacked(damage(packed(tree(tmp_path / "bundle"))), tmp_path / "there")


def test_the_digest_of_what_an_archive_holds_is_known_without_unpacking_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "made")
    assert archives.digest(io.BytesIO(packed(root)), BOUNDS) == trees.digest(root)


@pytest.mark.parametrize(
    "archive",
    [
        crafted(file("a"), file("a")),
        crafted(file("../a")),
        crafted(file("a/__pycache__/b.pyc")),
        crafted(special("a", tarfile.DIRTYPE)),
        crafted(file("large", bytes(1_000_001))),
        crafted(*(file(str(number)) for number in range(1001))),
        gzip.compress(b"no tar"),
        b"no archive",
        b"",
    ],
    ids=["twice", "leads out", "compiled", "a folder", "too large", "too many", "no tar", "nothing", "empty"],
)
def test_what_is_no_bundle_has_no_digest(archive: bytes) -> None:
    with pytest.raises(BundleUnusable):
        archives.digest(io.BytesIO(archive), BOUNDS)
