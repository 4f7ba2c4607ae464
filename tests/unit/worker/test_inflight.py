import pytest

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
