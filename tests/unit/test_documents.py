from typing import Any

import pytest

from mooring import documents
from mooring.errors import InvalidRequest


@pytest.mark.parametrize("document", [{}, {"é": [1, 1.5, None, True, "ü😀"]}, {"big": 2**80}, {"": {"": []}}])
def test_a_document_comes_back_as_it_was(document: dict[str, Any]) -> None:
    assert documents.decode(documents.encode(document, "launch")) == document


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_in_utf8_cannot_carry_is_refused_by_its_field(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^launch "):
        documents.encode({"a": value}, "launch")


def test_a_document_nested_too_deep_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(100_000):
        document = {"a": document}
    with pytest.raises(InvalidRequest):
        documents.encode(document, "launch")
