import pytest

from mooring.errors import InvalidRequest
from mooring.opening import Wanted

MINE = "k9Qx3v0aTn2mB7cYw5eZ1g"


def test_a_connect_url_names_a_session_and_what_its_client_has_of_it() -> None:
    assert Wanted.read({"session": MINE, "received": "12"}) == Wanted(MINE, 12)
    assert Wanted.read({"session": MINE}) == Wanted(MINE, 0)


def test_most_name_none() -> None:
    assert Wanted.read({"config": "e30="}) == Wanted("", 0)


@pytest.mark.parametrize(
    "query",
    [
        {"session": "short"},
        {"session": "x" * 65},
        {"session": "x" * 21 + "/"},
        {"session": ""},
        {"received": "1"},
        {"session": MINE, "received": "-1"},
        {"session": MINE, "received": "many"},
        {"session": MINE, "received": "9" * 16},
    ],
)
def test_what_cannot_name_a_session_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        Wanted.read(query)
