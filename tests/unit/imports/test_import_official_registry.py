from collections.abc import Iterator

import pytest

from mooring.errors import InvalidRequest
from mooring.imports.read_api import page
from mooring.official_registry import OfficialRegistry
from tests import other_registry
from tests.other_registry import OtherRegistry


@pytest.fixture
def there() -> Iterator[OtherRegistry]:
    with other_registry.running() as registry:
        yield registry


def test_a_page_is_read_with_its_query(there: OtherRegistry) -> None:
    there.publish("com.example/one")
    body = OfficialRegistry(f"{there.url}/v0.1/servers").read("limit=5")
    assert [entry["server"]["name"] for entry in page(body).entries] == ["com.example/one"]
    assert there.asked == [{"limit": "5"}]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_trouble_of_the_moment(there: OtherRegistry, status: int) -> None:
    there.refusals = [status]
    with pytest.raises(ConnectionError, match=str(status)):
        OfficialRegistry(there.url).read("limit=5")


@pytest.mark.parametrize("status", [301, 400, 404])
def test_what_asking_again_would_not_help_is_a_refusal(there: OtherRegistry, status: int) -> None:
    there.refusals = [status]
    with pytest.raises(InvalidRequest, match=str(status)):
        OfficialRegistry(there.url).read("limit=5")
