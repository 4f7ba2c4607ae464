"""A folder as an archive (`mooring_cli.packing`)."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from mooring_cli import packing
from mooring_cli.failures import Failure


def packed(folder: Path) -> bytes:
    into = io.BytesIO()
    packing.pack(folder, into)
    return into.getvalue()


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "server"
    for name in ("src/main.py", "README.md", ".env", "node_modules/a/index.js", ".venv/bin/python", "run.sh"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "run.sh").chmod(0o755)
    return root


def test_what_installers_make_and_what_is_secret_stays(folder: Path) -> None:
    assert names(packed(folder)) == ["README.md", "run.sh", "src/main.py"]


def test_in_a_repository_git_says_what_belongs_to_it(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("src\nnode_modules\n.venv\n")
    assert names(packed(folder)) == [".gitignore", "README.md", "run.sh"]


def test_the_same_content_is_the_same_archive_whenever_it_is_packed(folder: Path) -> None:
    first = packed(folder)
    os.utime(folder / "README.md", (1, 1))
    (folder / "README.md").chmod(0o600)
    assert packed(folder) == first
    (folder / "README.md").write_text("other")
    assert packed(folder) != first


def test_who_may_execute_a_file_is_kept_and_who_owns_it_is_not(folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(folder))) as tar:
        modes = {member.name: (member.mode, member.uid, member.uname) for member in tar}
    assert modes["run.sh"] == (0o755, 0, "")
    assert modes["README.md"] == (0o644, 0, "")


def test_a_link_is_packed_as_a_link(folder: Path) -> None:
    (folder / "link").symlink_to("README.md")
    with tarfile.open(fileobj=io.BytesIO(packed(folder))) as tar:
        assert tar.getmember("link").linkname == "README.md"


def test_what_is_too_large_is_refused_with_what_is_largest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MAX_UPLOAD_BYTES", 20_000)
    (folder / "model.bin").write_bytes(os.urandom(40_000))
    with pytest.raises(Failure) as refused:
        packed(folder)
    assert "more than" in refused.value.message
    assert refused.value.details[0].startswith("model.bin")


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="has no files"):
        packed(tmp_path)
