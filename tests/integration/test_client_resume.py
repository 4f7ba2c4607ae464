"""Clients whose connection is cut under them, against the whole local stack."""

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from mooring.client import websocket_transport
from mooring.client.patience import Patience
from mooring.errors import SessionNotFound
from tests.cable import Cable, cable_to
from tests.integration.conftest import Personality
from tests.raw_client import HELLO
from tests.stack import MOORING, Stack, until_empty

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("nothing_is_left")]

CALLS = 200
AT_ONCE = 8


@pytest.fixture
def url(stack: Stack, personality: Personality) -> str:
    return stack.connect_url(personality("echo"))


def impatient() -> Patience:
    """As patient as ever, with shorter pauses."""
    return Patience(sleep=lambda seconds: asyncio.sleep(min(seconds, 0.05)))


def some_bytes(seed: int) -> Callable[[], int]:
    """Return lifetimes of connections, all of which are enough for a handshake and some frames."""
    chance = random.Random(seed)
    return lambda: chance.randint(1_000, 6_000)


async def counted(client: Client) -> int:
    """Call a tool that tells how often it was called in this session."""
    answer = await client.call_tool("state", {})
    (block,) = answer.content
    assert block.type == "text"
    return int(block.text)


async def call_many(client: Client, after_each: Callable[[], None] = lambda: None) -> list[int]:
    """Call the counting tool CALLS times, some calls at once."""
    numbers = iter(range(CALLS))
    counts: list[int] = []

    async def call_on() -> None:
        for _ in numbers:
            counts.append(await counted(client))
            after_each()

    await asyncio.gather(*(call_on() for _ in range(AT_ONCE)))
    return counts


def cutting(cable: Cable, every: int) -> Callable[[], None]:
    """Return what cuts at every n-th answer, but not at the last: the server must be told of the end."""
    answers = itertools.count(1)

    def cut() -> None:
        number = next(answers)
        if number % every == 0 and number < CALLS:
            cable.cut()

    return cut


async def test_a_long_call_is_answered_over_the_next_connection(stack: Stack, url: str) -> None:
    async with (
        asyncio.timeout(20),
        cable_to(url) as cable,
        Client(websocket_transport(cable.through(url))) as client,
    ):
        assert await counted(client) == 1
        call = asyncio.create_task(client.call_tool("sleep", {"seconds": 1.5}))
        for _ in range(3):
            await until_in_flight(stack, 1)
            connections = cable.connections
            cable.cut()
            await cable.until_connections(connections + 1)
        answer = await call

        assert answer.content[0].type == "text"
        assert answer.content[0].text == "slept"
        assert await counted(client) == 2  # it is the same process


@pytest.mark.parametrize("every", [5, 20])
async def test_each_of_many_calls_is_carried_out_and_answered_once(url: str, every: int) -> None:
    async with asyncio.timeout(60), cable_to(url) as cable:
        transport = websocket_transport(cable.through(url), patience=impatient())
        async with Client(transport) as client:
            counts = await call_many(client, cutting(cable, every))

    assert sorted(counts) == list(range(1, CALLS + 1))
    assert cable.connections > CALLS / every / AT_ONCE


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_connection_may_break_in_the_middle_of_a_frame(url: str, seed: int) -> None:
    async with asyncio.timeout(60), cable_to(url, some_bytes(seed)) as cable:
        transport = websocket_transport(cable.through(url), patience=impatient())
        async with Client(transport) as client:
            counts = await call_many(client)

    assert sorted(counts) == list(range(1, CALLS + 1))
    assert cable.connections > 5


async def test_a_server_that_cannot_be_reached_for_a_while_is_waited_for(url: str) -> None:
    async with asyncio.timeout(20), cable_to(url) as cable:
        tries = 0

        async def until_the_third_time(seconds: float) -> None:
            nonlocal tries
            tries += 1
            if tries == 3:
                await cable.plug_in()

        transport = websocket_transport(cable.through(url), patience=Patience(sleep=until_the_third_time))
        async with Client(transport) as client:
            assert await counted(client) == 1
            cable.unplug()
            assert await counted(client) == 2

    assert tries == 3


@pytest.mark.parametrize("every", [5, 20])
async def test_a_client_that_only_knows_stdio_notices_nothing(
    stack: Stack, personality: Personality, every: int
) -> None:
    async with asyncio.timeout(60), cable_to(stack.url) as cable:
        environment = {"MOORING_URL": cable.through(stack.url), "MOORING_API_KEY": stack.api_key}
        command = StdioServerParameters(
            command=str(MOORING), args=["connect", personality("echo")], env=environment
        )
        async with Client(command) as client:
            counts = await call_many(client, cutting(cable, every))

    assert sorted(counts) == list(range(1, CALLS + 1))
    assert cable.connections > CALLS / every / AT_ONCE


async def until_in_flight(stack: Stack, requests: int) -> None:
    """Wait until a session has so many requests without an answer."""

    def others() -> list[int] | None:
        found = [session["inFlight"] for session in stack.worker_sessions()]
        return None if requests in found else [*found, -1]

    await until_empty(lambda: asyncio.to_thread(others), seconds=5.0)


def message(id: int | str, method: str, **params: Any) -> SessionMessage:
    return SessionMessage(JSONRPCRequest(jsonrpc="2.0", id=id, method=method, params=params or None))


def heard(item: SessionMessage | Exception) -> JSONRPCMessage:
    assert isinstance(item, SessionMessage), item
    return item.message


async def test_a_program_that_was_killed_gets_in_its_next_life_what_it_missed(stack: Stack, url: str) -> None:
    """Killed in the middle of a call: it says nothing to the server, and has saved two small values."""
    async with asyncio.timeout(20), cable_to(url) as cable:
        first = websocket_transport(cable.through(url), patience=Patience(window_seconds=0))
        async with first as (incoming, outgoing):
            await outgoing.send(message("hello", "initialize", **HELLO))
            assert isinstance(heard(await incoming.receive()), JSONRPCResponse)
            initialized = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
            await outgoing.send(SessionMessage(initialized))
            await outgoing.send(message(1, "tools/call", name="state", arguments={}))
            await incoming.receive()
            await outgoing.send(message(2, "tools/call", name="sleep", arguments={"seconds": 3.0}))
            await until_in_flight(stack, 1)  # or the next may overtake it
            await outgoing.send(message(3, "tools/call", name="state", arguments={}))
            await until_in_flight(stack, 2)
            saved: dict[str, Any] = {"session": first.session, "received": first.received}
            cable.cut()
            await incoming.receive()
        assert saved["received"] == 2
        async with websocket_transport(cable.through(url), **saved) as (incoming, outgoing):
            answers = [heard(await incoming.receive()) for _ in range(2)]
            await outgoing.send(message(4, "tools/call", name="state", arguments={}))
            answers.append(heard(await incoming.receive()))

    ids = [answer.id for answer in answers if isinstance(answer, JSONRPCResponse)]
    assert (set(ids[:2]), ids[2:]) == ({2, 3}, [4])


async def test_a_session_that_never_was_is_refused(url: str) -> None:
    with pytest.raises(SessionNotFound):
        async with asyncio.timeout(5), websocket_transport(url, session="x" * 22, received=1):
            pass
