import pytest

from mooring.errors import InvalidRequest
from mooring.imports.naming import names


def test_the_namespace_of_a_github_account_is_its_owner_here() -> None:
    assert names("io.github.acme/weather") == ("acme/weather", "io.github.acme/weather")


@pytest.mark.parametrize("name", ["com.acme/weather", "acme/weather", "io.gitlab.acme/weather"])
def test_a_name_in_any_other_namespace_stays_as_it_is(name: str) -> None:
    assert names(name) == (name,)


def test_a_name_with_more_than_an_account_of_github_stays_as_it_is() -> None:
    """Else `io.github.com.acme/x` would be taken for a server of acme.com's."""
    assert names("io.github.com.acme/weather") == ("io.github.com.acme/weather",)


@pytest.mark.parametrize("name", ["weather", ".acme/weather", "acme/-weather", "acme/" + "x" * 101])
def test_what_can_be_no_name_here_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        names(name)
