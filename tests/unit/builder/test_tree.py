"""What a build has left is looked at before anything else is done (`mooring_local.builder.build.check`)."""

import os
from pathlib import Path

import pytest

from mooring import trees
from mooring_local.builder.build import check
from mooring_local.packages import BuildFailed


def test_files_folders_and_links_within_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")
    (tmp_path / "link").symlink_to("a/file")
    (tmp_path / "a" / "up").symlink_to("../a/file")
    (tmp_path / "nowhere").symlink_to("a/missing")
    check(tmp_path)


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../secret", "a/../../secret", "/proc/self/environ"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (root / "link").symlink_to(target)
    with pytest.raises(BuildFailed, match="link is a link that leads out"):
        check(root)


def test_a_link_through_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "here").symlink_to(".")
    (root / "out").symlink_to("here/../secret")
    (tmp_path / "secret").write_text("x")
    check_fails = pytest.raises(BuildFailed, match="leads out")
    with check_fails:
        check(root)


def test_what_is_neither_a_file_nor_a_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BuildFailed, match="pipe is neither a file nor a folder"):
        check(tmp_path)


def test_a_folder_that_nobody_may_read_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    os.mkfifo(tmp_path / "closed" / "pipe")
    (tmp_path / "closed").chmod(0)
    with pytest.raises(BuildFailed, match="closed/pipe is neither"):
        check(tmp_path)
    assert (tmp_path / "closed").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("is_link", [True, False])
def test_mooring_s_own_description_is_not_written_through_a_link(tmp_path: Path, is_link: bool) -> None:
    (tmp_path / "server.py").write_text("x")
    description = tmp_path / trees.DESCRIPTION
    description.symlink_to("server.py") if is_link else description.mkdir()
    with pytest.raises(BuildFailed, match="is there already"):
        check(tmp_path)
