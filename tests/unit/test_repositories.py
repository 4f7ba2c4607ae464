"""Repositories of strangers, fetched with the real git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mooring_local import repositories, sources
from mooring_local.plans import NoPlan
from mooring_local.repositories import Address, CannotFetch, address, fetch

START = "startCommand: {command: weather}"


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "x@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    (folder / "server").mkdir(parents=True)
    (folder / "server" / "smithery.yaml").write_text(START)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def fetched(tmp_path: Path, repository: Path) -> Callable[..., Path]:
    def fetched(ref: str = "", folder: str = "") -> Path:
        target = tmp_path / "target"
        target.mkdir()
        return fetch(Address(f"file://{repository}", ref, folder), target, allow_file=True)

    return fetched


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("https://example.com/a/b", Address("https://example.com/a/b")),
        ("https://example.com/a/b.git#v1:sub/dir", Address("https://example.com/a/b.git", "v1", "sub/dir")),
        ("https://example.com/a/b/tree/main/sub/dir", Address("https://example.com/a/b", "main", "sub/dir")),
        ("https://example.com/a/b/-/tree/v1", Address("https://example.com/a/b", "v1")),
        ("git+https://example.com/a/b@v1#subdirectory=sub", Address("https://example.com/a/b", "v1", "sub")),
    ],
)
def test_an_address_says_where_which_commit_and_which_folder(source: str, wanted: Address) -> None:
    assert address(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "https://user:secret@example.com/a/b",
        "https://example.com/a/b#--upload-pack=x",
        "https://example.com/a/b#-x",
        "https://example.com/a/b#a..b",
        "https://example.com/a/b#v1:../out",
        "https://example.com/a/b#v1:/etc",
    ],
)
def test_a_part_that_cannot_be_meant_is_refused(source: str) -> None:
    with pytest.raises(CannotFetch):
        address(source)


@pytest.mark.parametrize("by", ["", "main", "v1", "commit"])
def test_a_branch_a_tag_and_a_commit_are_fetched(
    repository: Path, fetched: Callable[..., Path], by: str
) -> None:
    git(repository, "tag", "v1")
    ref = git(repository, "rev-parse", "HEAD") if by == "commit" else by

    assert (fetched(ref, "server") / "smithery.yaml").read_text() == START


def test_a_repository_is_planned_and_nothing_is_left(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    plan = sources.plan(f"git+file://{repository}", folder="server", allow_file=True)

    assert plan.launch == {"command": "weather", "args": [], "env": {}}
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    "url", ["file:///tmp/x", "ext::sh -c id", "http://example.com/a", "ssh://host/a", "git://h/a"]
)
def test_only_https_is_spoken(tmp_path: Path, url: str) -> None:
    with pytest.raises(CannotFetch, match="https"):
        fetch(Address(url), tmp_path)


def test_hooks_and_templates_of_the_machine_do_not_run(
    tmp_path: Path, repository: Path, fetched: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    hook = hooks / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    fetched()

    assert not (tmp_path / "ran").exists()


def test_filters_that_the_machine_configures_do_not_run(
    tmp_path: Path, repository: Path, fetched: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".gitattributes").write_text("*.yaml filter=own\n")
    commit(repository)
    (tmp_path / "gitconfig").write_text(f'[filter "own"]\n\tsmudge = "touch {tmp_path}/ran; cat"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    fetched()

    assert not (tmp_path / "ran").exists()


def test_filters_that_the_repository_names_do_not_run(
    tmp_path: Path, repository: Path, fetched: Callable[..., Path]
) -> None:
    (repository / ".gitattributes").write_text("*.yaml filter=lfs\n")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (repository / "big.yaml").write_text(pointer)
    commit(repository)

    assert (fetched() / "big.yaml").read_text() == pointer


def test_links_are_no_links(repository: Path, fetched: Callable[..., Path]) -> None:
    (repository / "out").symlink_to("/etc")
    (repository / "smithery.yaml").symlink_to("/etc/passwd")
    commit(repository)

    place = fetched()

    assert not (place / "out").is_symlink()
    assert (place / "smithery.yaml").read_text() == "/etc/passwd"


def test_submodules_are_not_fetched(repository: Path, fetched: Callable[..., Path], tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    (repository / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = sub\n\turl = file://{tmp_path}/origin\n'
    )
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    git(repository, "add", ".gitmodules")
    git(repository, "commit", "-q", "-m", "x")

    place = fetched()

    assert not (place / "sub").exists() or list((place / "sub").iterdir()) == []


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_FILES"])
def test_a_repository_over_the_limit_is_refused_before_it_is_unpacked(
    repository: Path,
    fetched: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    limit: str,
) -> None:
    (repository / "big").write_bytes(b"\0" * 2_000_000)
    commit(repository)
    monkeypatch.setattr(repositories, limit, 1_000_000 if limit == "MAX_BYTES" else 1)

    with pytest.raises(CannotFetch, match="more than"):
        fetched()
    assert not (tmp_path / "target" / "tree" / "big").exists()


@pytest.mark.parametrize(("ref", "folder"), [("none", ""), ("", "nowhere"), ("", "server/smithery.yaml")])
def test_what_is_not_in_it_is_refused(fetched: Callable[..., Path], ref: str, folder: str) -> None:
    with pytest.raises(CannotFetch):
        fetched(ref, folder)


def test_a_git_that_does_not_end_is_ended(
    repository: Path, fetched: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repositories, "SECONDS", 0.0)

    with pytest.raises(CannotFetch, match="seconds"):
        fetched()


def test_a_refusal_of_git_is_told_as_a_source_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(NoPlan):
        sources.plan(f"git+file://{tmp_path}/nothing", allow_file=True)
