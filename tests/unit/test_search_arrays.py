from pathlib import Path

import numpy as np
import pytest

from mooring.search import arrays
from mooring.search.arrays import Array, Damaged

CONTENT: dict[str, Array] = {
    "bytes": np.arange(5, dtype=np.uint8),
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "empty": np.zeros((0, 4), np.uint64),
    "last": np.array([7], np.int64),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.arrays"
    path.write_bytes(arrays.pack({"id": "ü"}, CONTENT))
    return path


def test_what_was_packed_is_loaded_and_cannot_be_written_to(path: Path) -> None:
    loaded = arrays.load(path)
    assert loaded.meta == {"id": "ü"}
    for name, array in CONTENT.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)
        assert not loaded[name].flags.writeable


@pytest.mark.parametrize("size", [0, 5, 20, 200, -1])
def test_a_file_cut_short_is_damaged(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(Damaged):
        arrays.load(path)


def test_another_file_is_damaged(path: Path) -> None:
    path.write_bytes(b"x" * 1000)
    with pytest.raises(Damaged):
        arrays.load(path)


def test_a_head_that_is_no_json_is_damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[12:40] = b"\xff" * 28
    path.write_bytes(data)
    with pytest.raises(Damaged):
        arrays.load(path)


def test_a_file_that_was_written_to_is_told_from_one_that_is_gone(path: Path) -> None:
    loaded = arrays.load(path)
    assert loaded.is_untouched() and loaded.is_there()
    moved = path.rename(path.with_suffix(".old"))
    assert loaded.is_untouched() and not loaded.is_there()
    moved.rename(path)
    path.write_bytes(b"")
    assert not loaded.is_untouched() and not loaded.is_there()
