import pytest

from mooring.keys import credential_from


@pytest.mark.parametrize("header", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("value", ["Bearer mk_1", "bearer mk_1", " Bearer  mk_1 "])
def test_a_bearer_header_is_the_credential_however_it_is_spelt(header: str, value: str) -> None:
    assert credential_from({"Host": "h", header: value}, {}) == "mk_1"


def test_the_query_holds_the_credential_of_clients_that_cannot_set_headers() -> None:
    assert credential_from({}, {"api_key": "mk_2"}) == "mk_2"


def test_the_header_counts_before_the_query() -> None:
    assert credential_from({"Authorization": "Bearer mk_1"}, {"api_key": "mk_2"}) == "mk_1"


def test_another_scheme_does_not_hide_the_query() -> None:
    assert credential_from({"Authorization": "Basic eA=="}, {"api_key": "mk_2"}) == "mk_2"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer"}, {"Authorization": ""}, {"X": "Bearer a"}]
)
def test_a_request_without_a_credential_has_none(headers: dict[str, str]) -> None:
    assert credential_from(headers, {"api_key": ""}) is None
