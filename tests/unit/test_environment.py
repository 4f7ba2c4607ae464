from pathlib import Path

import pytest

from mooring_local import environment


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment that took the place of one whose Python is gone."""
    parent = tmp_path_factory.mktemp("environments")
    python = parent / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(parent / "gone")
    assert not environment.has_pip(python)
    (parent / "lock").write_text("# nothing\n")
    environment.fill(parent / "environment", parent / "lock", None)
    return parent / "environment"


def test_a_lock_s_packages_are_counted_and_not_their_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("# by hand\na==1 \\\n    --hash=sha256:00\n    # via b\nb[c]==2 ; python_version > '3'\n")
    assert environment.count_pinned(lock) == 2


def test_an_environment_without_its_python_is_made_again(folder: Path) -> None:
    assert environment.has_pip(folder / "bin" / "python")


def test_an_environment_that_works_is_kept(folder: Path, tmp_path: Path) -> None:
    kept = folder / "kept"
    kept.touch()
    lock = tmp_path / "lock"
    lock.write_text("# nothing\n")
    environment.fill(folder, lock, None)
    assert kept.exists()


def test_what_pip_said_last_explains_a_failure(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lock = tmp_path / "lock"
    lock.write_text(f"there-is-no-such-package==1 --hash=sha256:{'0' * 64}\n")
    assert environment.main([str(folder), str(lock)]) == 1
    said = capsys.readouterr().err
    assert "there-is-no-such-package" in said
    assert "run the same command again" in said
