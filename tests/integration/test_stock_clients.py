"""Clients of someone else's making, each a program of its own, against a real server that Mooring hosts.

Each client plays the same scenario twice: through Mooring, and over stdio with a server that it started
itself. What it sees must be the same.
"""

import asyncio
import base64
import re
from typing import Any

import pytest

from tests.clients.programs import (
    JAVASCRIPT,
    PYTHON_1,
    PYTHON_2,
    Program,
    Seen,
    Target,
    npm_server,
    over_stdio,
    over_websocket,
)
from tests.clients.scenarios import ANSWERS, AWKWARD_TEXT, EVERYTHING
from tests.stack import MOORING, Stack

pytestmark = pytest.mark.integration

WEBSOCKET_CLIENTS = (JAVASCRIPT, PYTHON_1, PYTHON_2)
MOORING_CONNECT = "mooring connect"
WAYS = (*(program.name for program in WEBSOCKET_CLIENTS), MOORING_CONNECT)

# The everything server writes the time of day into its dynamic resources.
_TIME_OF_DAY = re.compile(r"created at .*")


@pytest.fixture(scope="module")
def directly() -> dict[str, Seen]:
    """What each way's client sees of a server that it started itself."""
    server = over_stdio("node", npm_server("@modelcontextprotocol/server-everything"))
    seen = play([(program, server) for program in WEBSOCKET_CLIENTS])
    return {**seen, MOORING_CONNECT: seen[PYTHON_1.name]}


@pytest.fixture(scope="module")
def through_mooring(stack: Stack, everything: str) -> dict[str, Seen]:
    """What each way's client sees of the server that Mooring hosts."""
    url = over_websocket(stack.connect_url(everything))
    connect = over_stdio(MOORING, "connect", everything, env=stack.variables)
    return play([*((program, url) for program in WEBSOCKET_CLIENTS), (PYTHON_1, connect)])


def play(ways: list[tuple[Program, Target]]) -> dict[str, Seen]:
    """Play all at the same time; `ways` are in the order of WAYS."""

    async def all_at_once() -> list[Seen]:
        return await asyncio.gather(*(program.play(target, EVERYTHING) for program, target in ways))

    return dict(zip(WAYS, asyncio.run(all_at_once()), strict=False))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def seen(through_mooring: dict[str, Seen], way: str) -> Seen:
    return through_mooring[way]


def test_a_stock_client_sees_what_it_sees_of_a_server_of_its_own(
    seen: Seen, directly: dict[str, Seen], way: str
) -> None:
    def same(seen: Seen) -> Seen:
        # The last progress may come in one read with the answer; the JavaScript SDK then drops it.
        return {what: undated(value) for what, value in seen.items() if what != "progress"}

    assert same(seen) == same(directly[way])


def test_every_client_sees_the_same_tools_prompts_and_resources(through_mooring: dict[str, Seen]) -> None:
    def offered(seen: Seen) -> list[list[str]]:
        results = seen["results"]
        kinds = ("tools", "prompts", "resources")
        return [[item["name"] for item in results[kind]["result"][kind]] for kind in kinds]

    offers = [offered(seen) for seen in through_mooring.values()]

    assert all(kind for kind in offers[0])
    assert all(offer == offers[0] for offer in offers)


def test_text_arrives_as_it_was_sent(seen: Seen) -> None:
    assert text_of(seen, "echo") == f"Echo: {AWKWARD_TEXT}"


def test_an_error_of_the_server_reaches_the_client(seen: Seen) -> None:
    assert seen["results"]["unknown prompt"]["error"]["code"] == -32602


def test_progress_arrives_in_order(seen: Seen) -> None:
    progress = seen["progress"]["progress"]

    assert len(progress) >= 2
    assert progress == [[1, 3], [2, 3], [3, 3]][: len(progress)]


def test_requests_of_the_server_are_answered_by_the_client(seen: Seen) -> None:
    assert {method: len(requests) for method, requests in seen["answered"].items()} == dict.fromkeys(
        ANSWERS, 1
    )
    assert ANSWERS["sampling/createMessage"]["content"]["text"] in text_of(seen, "sampling")
    assert "Name: Ada" in text_of(seen, "elicitation")
    assert ANSWERS["roots/list"]["roots"][0]["uri"] in text_of(seen, "roots")


def test_a_subscriber_is_told_that_its_resource_has_changed(seen: Seen) -> None:
    updates = seen["notifications"]["notifications/resources/updated"]

    assert updates == [{"uri": "demo://resource/dynamic/text/1"}]


def test_log_messages_below_the_level_of_the_client_are_not_sent(seen: Seen) -> None:
    """At `debug` the server logs a subscription; at `error` it does not log that it ended."""
    logged = [str(message["data"]) for message in seen["notifications"]["notifications/message"]]

    assert any("Received Subscribe" in line for line in logged)
    assert not any("Received Unsubscribe" in line for line in logged)


def test_a_cancelled_call_gets_no_answer(seen: Seen) -> None:
    assert seen["results"]["cancelled"] == {"cancelled": True}
    assert "Long running operation completed" in text_of(seen, "after the cancelled")
    assert seen["strays"] == []


def test_clients_that_have_left_leave_nothing_behind(stack: Stack, through_mooring: dict[str, Seen]) -> None:
    assert set(through_mooring) == set(WAYS)

    asyncio.run(stack.until_no_session_is_left())


def text_of(seen: Seen, label: str) -> str:
    content = seen["results"][label]["result"]["content"]
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def undated(value: Any, key: str = "") -> Any:
    """Return `value` without the times of day in its texts."""
    match value:
        case dict():
            return {name: undated(member, name) for name, member in value.items()}
        case list():
            return [undated(member) for member in value]
        case str() if key == "blob":
            return _TIME_OF_DAY.sub("", base64.b64decode(value).decode())
        case str():
            return _TIME_OF_DAY.sub("", value)
    return value
