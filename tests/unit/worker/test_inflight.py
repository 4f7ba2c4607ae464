from pathlib import Path

import pytest

from mooring import ledger
from mooring.ledger import Ledger
from mooring_worker.inflight import InFlight


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"1", b"1"),
        (b"1.0", b"1"),
        (b"1e2", b"100"),
        ('"é"'.encode(), b'"\\u00e9"'),
        (b'"a\\/b"', b'"a/b"'),
        (b"90071992547409931", b"90071992547409931"),
        (b"1e999", b"1e999"),
    ],
)
def test_an_id_is_found_however_it_is_spelled(asked: bytes, answered: bytes) -> None:
    waiting = InFlight()
    waiting.add(asked)

    waiting.remove(answered)

    assert len(waiting) == 0


@pytest.mark.parametrize(
    ("asked", "answered"), [(b"1", b'"1"'), (b"1", b"2"), (b"90071992547409931", b"90071992547409932")]
)
def test_different_ids_stay_different(asked: bytes, answered: bytes) -> None:
    waiting = InFlight()
    waiting.add(asked)

    waiting.remove(answered)

    assert waiting.take_all() == [asked]


def test_ids_come_back_as_they_were_written_in_order() -> None:
    waiting = InFlight()
    for id_text in (b'"b"', b"1.0", b"null", b'"a"'):
        waiting.add(id_text)

    assert waiting.take_all() == [b'"b"', b"1.0", b'"a"']
    assert len(waiting) == 0


def test_what_is_in_flight_is_in_the_ledger_and_nothing_else(tmp_path: Path) -> None:
    waiting = InFlight(Ledger(tmp_path / "ledger"), "s")
    for id_text in (b"1.0", b"1", b"null", b'"b"', b"4"):
        waiting.add(id_text)
    waiting.remove(b'"b"')
    waiting.remove(b'"b"')
    assert ledger.read(tmp_path / "ledger") == {"s": ["1.0", "4"]}

    waiting.take_all()

    assert ledger.read(tmp_path / "ledger") == {}
