import numpy as np
import pytest
from numpy.typing import NDArray

from mooring.search import vectors
from mooring.search.arrays import Arrays
from mooring.search.query import parse
from mooring.search.vectors import Vectors
from tests.unit.search_world import document, found, index_of

CHANCE = np.random.default_rng(5)


def some(rows: int) -> NDArray[np.float32]:
    drawn = CHANCE.normal(size=(rows, 256)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


def test_cosines_in_int8_are_right_to_a_hundredth() -> None:
    rows, asked = some(500), some(1)[0]
    packed = Vectors(Arrays({}, vectors.pack(rows, "v")), "v")
    assert packed.all_cosines(asked) == pytest.approx(rows @ asked, abs=0.01)
    few = np.array([3, 77, 499])
    assert packed.cosines(asked, few) == pytest.approx((rows @ asked)[few], abs=0.01)


def test_the_rows_that_differ_in_fewest_signs_hold_nearly_all_of_the_best() -> None:
    rows = some(5_000)
    asked = some(1)[0]
    rows[:50] += 0.5 * asked
    packed = Vectors(Arrays({}, vectors.pack(rows, "v")), "v")
    near = packed.nearest(asked, np.ones(len(rows), np.bool_), 500)
    assert 500 <= len(near) < 1_000
    assert set(range(50)) <= set(near.tolist())


def test_rows_that_are_masked_out_take_no_place_among_the_nearest() -> None:
    rows = some(1_000)
    packed = Vectors(Arrays({}, vectors.pack(rows, "v")), "v")
    mask = np.arange(1_000) >= 990
    assert packed.nearest(rows[0], mask, 5).min() >= 990
    assert packed.nearest(rows[0], mask, 100).tolist() == list(range(990, 1_000))


def test_a_text_without_a_vector_is_near_nothing() -> None:
    packed = Vectors(Arrays({}, vectors.pack(np.zeros((2, 64), np.float32), "v")), "v")
    assert packed.all_cosines(some(1)[0][:64]).tolist() == [0, 0]


def test_many_rows_are_found_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(*(document(f"a/s{number}", f"tides oak{number % 7}") for number in range(200)))
    compared = found(index, "tides oak3", 0, 20)
    monkeypatch.setattr(vectors, "EXACT_ROWS", 10)
    monkeypatch.setattr(vectors, "CANDIDATES", 40)
    assert found(index, "tides oak3", 0, 20) == compared
    assert index.search(parse("tides"), 0, 1).total == 200
