from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.dynamodb import from_item, size_bytes, to_attribute, to_item

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner.filter(bool), max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1), values.filter(lambda value: value is not None)))
def test_an_item_comes_back_as_it_was(record: dict[str, Any]) -> None:
    assert from_item(to_item(record)) == record


def test_every_type_has_its_attribute() -> None:
    record = {"s": "x", "t": True, "i": 3, "f": 1.5, "b": b"\x00", "l": [None], "m": {"a": 1}}
    assert to_item(record) == {
        "s": {"S": "x"},
        "t": {"BOOL": True},
        "i": {"N": "3"},
        "f": {"N": "1.5"},
        "b": {"B": b"\x00"},
        "l": {"L": [{"NULL": True}]},
        "m": {"M": {"a": {"N": "1"}}},
    }


def test_an_attribute_that_is_none_is_left_out() -> None:
    assert to_item({"revoked_at": None}) == {}


def test_what_dynamodb_has_no_type_for_is_refused() -> None:
    with pytest.raises(TypeError):
        to_attribute(object())


def test_the_size_counts_names_and_text_in_utf8() -> None:
    assert size_bytes(to_item({"name": "ü" * 10})) == len("name") + 20
    assert size_bytes(to_item({"m": {"a": "bc"}, "l": ["x"], "t": True})) == 1 + 3 + 1 + 3 + 1 + 3 + 2 + 2
