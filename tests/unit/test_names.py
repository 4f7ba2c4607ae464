import pytest

from mooring.errors import InvalidRequest
from mooring.names import display, normalise


@pytest.mark.parametrize("spelling", ["Acme/Weather", "@Acme/Weather", "acme/weather", "@acme/WEATHER"])
def test_every_spelling_of_a_name_finds_the_same_server(spelling: str) -> None:
    assert normalise(spelling) == "acme/weather"


def test_the_owner_s_spelling_is_kept_for_display() -> None:
    assert display("@Acme/Weather") == "Acme/Weather"


@pytest.mark.parametrize(
    "name", ["", "weather", "a/b/c", "/b", "a/", "a b/c", "@@a/b", "a/..", "../b", "a/" + "x" * 101]
)
def test_what_is_not_owner_slash_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="qualifiedName"):
        normalise(name)
