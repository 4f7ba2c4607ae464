from collections.abc import Iterator
from pathlib import Path

import pytest

from mooring import trees


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    trees.remove(folder)
