from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.building.making import Maker, maker


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Maker]:
    with maker(tmp_path / "home") as made:
        yield made
