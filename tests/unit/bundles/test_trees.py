"""Folders as values."""

import hashlib
import stat
from pathlib import Path

import pytest

from mooring import trees


@pytest.mark.parametrize("size_bytes", [0, 5_000, 3 * 1024 * 1024])
def test_the_digest_is_the_documented_sum_whatever_the_size_of_a_file(
    tmp_path: Path, size_bytes: int
) -> None:
    content = bytes(range(256)) * (size_bytes // 256)
    (tmp_path / "file").write_bytes(content)

    digest = trees.clean(tmp_path)

    line = b"444 4 file %s\n" % hashlib.sha256(content).hexdigest().encode()
    assert digest == hashlib.sha256(line).hexdigest()


def test_cleaning_tells_the_digest_of_what_it_leaves(tmp_path: Path) -> None:
    (tmp_path / "lib/__pycache__").mkdir(parents=True)
    (tmp_path / "lib/__pycache__/stale.pyc").write_bytes(b"compiled elsewhere")
    (tmp_path / "__pycache__").symlink_to("lib")
    for name, mode in {"script": 0o700, "secret": 0o600, "lib/open": 0o666}.items():
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(mode)

    digest = trees.clean(tmp_path)

    assert digest == trees.digest(tmp_path) == trees.clean(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {"script": 0o555, "secret": 0o444, "open": 0o444}
    assert not (tmp_path / "lib/__pycache__").exists()
    assert (tmp_path / "__pycache__").is_symlink()
