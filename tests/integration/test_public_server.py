"""One public server, tried as `make test-servers` tries them all."""

from pathlib import Path

import pytest

from benchmarks import public_servers, trial
from benchmarks.public_servers import PublicServer
from benchmarks.trial import Place
from tests.stack import Stack

pytestmark = pytest.mark.integration

SERVERS = Path(__file__).parents[1] / "servers"


@pytest.fixture
def place(stack: Stack) -> Place:
    return Place(stack.home, stack.ws_url, stack.api_key)


async def test_a_public_server_is_built_hosted_and_started_both_ways(stack: Stack, place: Place) -> None:
    (playwright,) = [server for server in public_servers.read() if server.name == "playwright"]

    outcome = await trial.attempt(playwright, place, starts=1)

    assert outcome.reason == ""
    assert outcome.tools is not None
    assert outcome.tools >= playwright.tools
    assert outcome.build_seconds
    assert len(outcome.hosted) == len(outcome.by_hand) == 1
    assert stack.call("GET", "/servers/public/playwright")[0] == 200
    await trial.remove(playwright, place)
    assert stack.call("GET", "/servers/public/playwright")[0] == 404


async def test_a_server_that_does_not_start_is_told_with_its_last_words(place: Place) -> None:
    broken = PublicServer("broken", str(SERVERS), "dying", 1, arguments=["python", "dies_at_start.py"])

    outcome = await trial.attempt(broken, place, starts=1)

    assert "cannot find the database" in outcome.reason
    assert outcome.build_seconds
    assert not outcome.is_as_expected
