import pytest
from pydantic import TypeAdapter, ValidationError

from mooring.instants import Instant

READER: TypeAdapter[Instant] = TypeAdapter(Instant)


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31t14:00:00.5+02:00", "2026-01-31 12:00:00Z"]
)
def test_a_time_with_its_offset_is_read(text: str) -> None:
    assert READER.validate_python(text).tzinfo is not None


@pytest.mark.parametrize(
    "given",
    [
        0,
        0.5,
        True,
        None,
        "0",
        "1e9",
        "1700000000",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-13-01T00:00:00Z",
    ],
)
def test_anything_else_is_refused(given: object) -> None:
    """Numbers too: a client that sends one may mean seconds or milliseconds."""
    with pytest.raises(ValidationError):
        READER.validate_python(given)
