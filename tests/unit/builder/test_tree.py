"""What a build has left is looked at before anything else is done (`mooring_local.builder.build.check`)."""

import os
from pathlib import Path

import pytest

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
