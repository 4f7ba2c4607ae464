"""Sources that are meant to lead out of the build, each refused by what it would do, or without effect."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from mooring import staging
from mooring_local import building
from mooring_local.building import unpacking
from mooring_local.packages import BuildFailed
from tests.unit.building.making import NODE, Files, Maker, repository, tarred, upload, zipped

SERVER: Files = {"package.json": {"name": "server", "bin": "server.js"}, "server.js": NODE % "1"}


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "build",
    [
        "dockerBuildPath: ..",
        "dockerBuildPath: /",
        "dockerfile: ../Dockerfile",
        "dockerfile: /etc/passwd",
        "dockerBuildPath: a/../../b",
    ],
)
def test_a_build_that_leads_out_of_the_repository_is_refused(make: Maker, build: str) -> None:
    text = f"startCommand: {{type: stdio, command: node server.js}}\nbuild: {{{build}}}\n"

    with pytest.raises(BuildFailed) as failed:
        make.folder({**SERVER, "smithery.yaml": text})

    assert "leads out of the repository" in failed.value.cause


def test_the_top_of_the_repository_may_be_built_from_a_folder_within(make: Maker) -> None:
    text = "startCommand: {type: stdio, command: node ../server.js}\nbuild: {dockerBuildPath: ..}\n"

    assert make.folder({**SERVER, "inner/smithery.yaml": text}, "inner").answer()["said"] == 1


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/etc/out", "C:/out", "..\\out"], ids=str)
def test_an_entry_of_a_zip_that_leads_out_is_refused_by_its_name(make: Maker, name: str) -> None:
    file = make.home / "evil.zip"
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, "x")

    with pytest.raises(BuildFailed) as failed:
        make(upload(file), file)

    assert "leads out" in failed.value.cause
    assert name.replace("\\", "/") in failed.value.cause


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (("../out", "x"), "leads out"),
        (("/etc/out", "x"), "leads out"),
        (link("way", "/etc/passwd"), "links out"),
        (link("a/way", "../../x"), "links out"),
        (link("loop", "loop"), "links out"),
        (link("hard", "server.js", tarfile.LNKTYPE), "hard link"),
        (link("hard", "/etc/passwd", tarfile.LNKTYPE), "hard link"),
        (link("null", "", tarfile.CHRTYPE), "neither a file nor a folder"),
        (link("disk", "", tarfile.BLKTYPE), "neither a file nor a folder"),
        (link("pipe", "", tarfile.FIFOTYPE), "neither a file nor a folder"),
        (("/".join("a" * 70), "x"), "folders deep"),
        (("server.js", "x"), "twice"),
        (("server.js/inner", "x"), "twice"),
    ],
    ids=[
        *("up", "absolute", "link out", "inner link out", "loop", "hard link", "hard link out", "device"),
        *("block device", "pipe", "deep", "twice", "file as folder"),
    ],
)
def test_an_entry_of_a_tar_that_is_no_file_of_the_folder_is_refused(
    make: Maker, entry: tarfile.TarInfo | tuple[str, str], said: str
) -> None:
    file = tarred(make.home / "evil.tar.gz", ("server.js", "x"), ("other", "x"), entry)
    name = entry.name if isinstance(entry, tarfile.TarInfo) else entry[0]

    with pytest.raises(BuildFailed) as failed:
        make(upload(file), file)

    assert said in failed.value.cause
    assert name in failed.value.cause


def test_a_link_that_leads_out_by_way_of_another_is_refused(make: Maker) -> None:
    """Each is within the archive by its text; together they are not."""
    deep, out = link("x/y/deep", "../.."), link("out", "x/y/deep/..")
    file = tarred(make.home / "evil.tar", ("server.js", "x"), deep, out)

    with pytest.raises(BuildFailed) as failed:
        make(upload(file), file)

    assert "'out'" in failed.value.cause


def test_a_link_out_of_the_single_folder_that_is_stripped_is_refused(make: Maker) -> None:
    file = tarred(make.home / "evil.tar", ("top/server.js", "x"), link("top/out", "../top"))

    with pytest.raises(BuildFailed):
        make(upload(file), file)


def test_nothing_is_written_through_a_link(make: Maker) -> None:
    outside = make.home / "outside"
    outside.mkdir()
    entries = (link("folder", "elsewhere"), ("folder/file", "x"), ("elsewhere/x", "x"))
    file = tarred(make.home / "evil.tar", *entries)

    with pytest.raises(BuildFailed) as failed:
        make(upload(file), file)
    assert "'folder'" in failed.value.cause
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 10), ("MAX_FILES", 1)])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_a_bomb_is_refused_before_it_is_unpacked(
    make: Maker, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, form: str
) -> None:
    monkeypatch.setattr(unpacking, limit, value)
    name = make.home / f"bomb.{form}"
    many = {"a": "x" * 6, "bomb": "x" * 6}
    file = zipped(name, many) if form == "zip" else tarred(name, *many.items())

    with pytest.raises(BuildFailed) as failed:
        make(upload(file), file)

    assert "'bomb'" in failed.value.cause


def test_an_entry_that_is_larger_than_it_says_is_not_written(tmp_path: Path) -> None:
    entry = unpacking.Entry("x", "file", 3, is_executable=False)

    with pytest.raises(BuildFailed):
        unpacking.copy(io.BytesIO(b"x" * 4), tmp_path / "x", entry)
    assert (tmp_path / "x").stat().st_size == 0


def test_an_upload_that_is_another_is_refused(make: Maker) -> None:
    file = zipped(make.home / "a.zip", SERVER)
    other = {**upload(file), "sha256": "0" * 64}

    with pytest.raises(BuildFailed):
        make(other, file)
    with pytest.raises(BuildFailed):
        make({**upload(file), "folder": "../.."}, file)


def test_a_repository_brings_neither_hooks_nor_submodules_nor_filters_nor_links(
    make: Maker, tmp_path: Path
) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    mark = tmp_path / "mark"
    files: Files = {
        **SERVER,
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs\n*.txt filter=evil\n",
        ".lfsconfig": "[lfs]\n\turl = https://example.invalid/\n",
        "big.bin": pointer,
        "a.txt": "a",
    }
    folder = tmp_path / "origin"
    address = repository(folder, files)
    (folder / "way-out").symlink_to("/etc/passwd")
    hook = folder / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
    oid = "1" * 40
    modules = '[submodule "s"]\n\tpath = sub\n\turl = file:///etc\n'
    (folder / ".gitmodules").write_text(modules)
    (folder / ".githooks").mkdir()
    (folder / ".githooks" / "post-checkout").write_text(f"#!/bin/sh\ntouch {mark}\n")
    for command in (
        ("add", "--all"),
        ("update-index", "--add", "--cacheinfo", f"160000,{oid},sub"),
        ("commit", "--quiet", "-m", "more"),
    ):
        subprocess.run([*git, *command], cwd=folder, check=True, capture_output=True)

    built = make({"type": "git", "url": address})

    assert built.answer()["said"] == 1
    assert not mark.exists()
    assert (built.path / "big.bin").read_text() == pointer
    assert not (built.path / "way-out").is_symlink()
    assert (built.path / "way-out").read_text() == "/etc/passwd"
    assert not (built.path / ".git").exists()
    assert not (built.path / "sub").exists() or list((built.path / "sub").iterdir()) == []


@pytest.mark.parametrize(
    "source",
    [
        {"type": "git", "url": "ext::sh -c touch% /tmp/x"},
        {"type": "git", "url": "file:///etc"},
        {"type": "git", "url": "https://user:secret@example.invalid/a/b"},
        {"type": "git", "url": "https://example.invalid/a/b", "ref": "--upload-pack=x"},
        {"type": "git", "url": "https://example.invalid/a/b", "folder": "../x"},
        {"type": "npm", "spec": "--registry=x"},
        {"type": "npm", "spec": "../x"},
        {"type": "pypi", "spec": "-r/etc/passwd"},
        {"type": "pypi", "spec": "git+https://example.invalid/x"},
        {"type": "upload", "sha256": "x"},
        {"type": "server.json", "document": []},
        {"type": "tarball"},
        {},
    ],
    ids=str,
)
def test_a_source_document_that_cannot_be_meant_is_refused(make: Maker, source: dict[str, str]) -> None:
    with pytest.raises(BuildFailed), staging.workspace(make.home) as workspace:
        building.install(source, None, workspace, make.home / "runtimes", lambda line: None)


def test_a_link_that_the_build_makes_out_of_the_bundle_is_left_out(make: Maker) -> None:
    script = "const fs = require('fs'); fs.symlinkSync('/etc/passwd', 'out'); "
    script += "fs.symlinkSync(process.cwd() + '/server.js', 'in')"
    manifest = {"name": "server", "bin": "server.js", "scripts": {"build": "node build.js"}}
    built = make.folder({**SERVER, "package.json": manifest, "build.js": script})

    assert not (built.path / "out").exists()
    assert str((built.path / "in").readlink()) == "server.js"
    assert any("out" in line for line in built.lines)
