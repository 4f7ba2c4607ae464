"""Folders that bundles are made in: gone with their maker, whatever ended it."""

import os
import sys
from pathlib import Path

import pytest

from mooring import staging, trees


def test_a_folder_that_is_not_published_goes(home: Path) -> None:
    with pytest.raises(OSError, match="no space"), staging.workspace(home) as workspace:
        (workspace.path / "half").write_text("x")
        raise OSError("no space")

    assert list(home.iterdir()) == []


def test_what_a_killed_maker_left_goes_with_the_next_one_but_not_what_is_being_made(home: Path) -> None:
    left = home / ".build-left"
    left.mkdir()
    (left / "half").write_text("x")
    trees.freeze(left)

    with staging.workspace(home) as one, staging.workspace(home) as other:
        assert {path.name for path in home.iterdir()} == {one.path.name, other.path.name}


def test_who_is_second_to_make_the_same_bundle_leaves_the_first_ones(home: Path) -> None:
    for maker in ("first", "second"):
        with staging.workspace(home) as workspace:
            (workspace.path / "by").write_text(maker)
            trees.freeze(workspace.path)
            staging.publish(workspace.path, home / "digest")

    assert [path.name for path in home.iterdir()] == ["digest"]
    assert (home / "digest/by").read_text() == "first"


def test_python_is_compiled_for_the_place_it_will_be_in_and_is_not_imported_from(home: Path) -> None:
    with staging.workspace(home) as workspace:
        (workspace.path / "mine.py").write_text("def f(): pass\n")
        (workspace.path / "compileall.py").write_text("raise SystemExit('not this one')\n")
        before = Path.cwd()
        os.chdir(workspace.path)
        try:
            staging.compile_python(workspace, Path("/there/digest"), [sys.executable])
        finally:
            os.chdir(before)
        (compiled,) = (workspace.path / "__pycache__").glob("mine.*.pyc")
        assert b"/there/digest/mine.py" in compiled.read_bytes()


def test_no_interpreter_is_started_where_there_is_no_python(home: Path) -> None:
    with staging.workspace(home) as workspace:
        (workspace.path / "server.js").write_text("1\n")
        interpreter = [sys.executable, "-c", f"open({str(home / 'was started')!r}, 'w')"]

        staging.compile_python(workspace, Path("/there/digest"), interpreter)

        assert not (home / "was started").exists()
        (workspace.path / "server.py").write_text("1\n")
        staging.compile_python(workspace, Path("/there/digest"), interpreter)
        assert (home / "was started").exists()
