"""What clients learn, and what remains, when a worker or a client ends without saying so."""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosedOK

from mooring.sessions import ROW_LIFETIME_SECONDS
from tests.raw_client import RawClient, raw_client
from tests.stack import Stack, home_with_a_server, running, until_empty

pytestmark = pytest.mark.integration

ECHO = Path(__file__).parents[1] / "servers" / "echo.py"
WORKER_LOST = -32012


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with running(home_with_a_server(tmp_path / "home")) as stack:
        stack.put("test/echo", sys.executable, ECHO)
        yield stack


async def sleep_for_long(client: RawClient, number: int) -> None:
    params = {"name": "sleep", "arguments": {"seconds": 60}}
    request = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    await client.send(json.dumps(request))


async def until_in_flight(stack: Stack, requests: int) -> None:
    async def missing() -> int:
        sessions = await asyncio.to_thread(stack.worker_sessions)
        in_flight: int = sum(session["inFlight"] for session in sessions)
        return requests - in_flight

    await until_empty(missing, 10)


async def last_words(client: RawClient) -> list[Any]:
    """Return all messages up to the close of the connection."""
    messages = []
    try:
        while True:
            messages.append(await client.message())
    except ConnectionClosedOK:
        return messages


async def test_every_request_of_a_killed_worker_is_answered_and_a_new_connect_works_at_once(
    stack: Stack,
) -> None:
    async with AsyncExitStack() as clients:
        one, two = [
            await clients.enter_async_context(raw_client(stack.connect_url("test/echo"))) for _ in range(2)
        ]
        for client, numbers in ((one, [1, 2]), (two, [3])):
            await client.initialize()
            for number in numbers:
                await sleep_for_long(client, number)
        await until_in_flight(stack, 3)

        stack.worker().kill()
        killed_at = time.monotonic()
        heard = [await last_words(client) for client in (one, two)]

    assert time.monotonic() - killed_at < 2
    for messages, expected in zip(heard, ([1, 2], [3]), strict=True):
        *errors, warning = messages
        assert sorted(error["id"] for error in errors) == expected
        assert {error["error"]["code"] for error in errors} == {WORKER_LOST}
        assert (warning["method"], warning["params"]["level"]) == ("notifications/message", "warning")
    async with raw_client(stack.connect_url("test/echo")) as client:
        await client.initialize()
        assert (await client.call_tool("echo", text="again"))["content"][0]["text"] == "again"
    await stack.until_no_session_is_left()
    assert [row["worker_id"] for row in stack.rows("workers")] == [{"S": stack.worker_id()}]


async def test_a_session_that_could_be_resumed_ends_with_its_worker_and_may_start_anew(stack: Stack) -> None:
    url = f"{stack.connect_url('test/echo')}&session={secrets.token_urlsafe(22)}"
    async with raw_client(url) as client:
        await client.initialize()
        await sleep_for_long(client, 1)
        await until_in_flight(stack, 1)

        stack.worker().kill()
        killed_at = time.monotonic()
        error, _ = await last_words(client)

    assert time.monotonic() - killed_at < 2
    assert (error["id"], error["error"]["code"]) == (1, WORKER_LOST)
    async with raw_client(url) as client:
        assert (await client.initialize())["result"]


async def test_the_next_frame_of_a_killed_worker_s_client_ends_its_waiting_too(stack: Stack) -> None:
    """Whoever is first, the function that cannot pass the frame on or the reaper: one answer each."""
    async with raw_client(stack.connect_url("test/echo")) as client:
        await client.initialize()
        await sleep_for_long(client, 1)
        await until_in_flight(stack, 1)

        stack.worker().kill()
        await client.send('{"jsonrpc":"2.0","id":2,"method":"ping"}')
        messages = await last_words(client)

    errors = [message for message in messages if "error" in message]
    assert sorted(error["id"] for error in errors) == [1, 2]
    assert {error["error"]["code"] for error in errors} == {WORKER_LOST}


async def test_a_session_whose_disconnect_never_came_goes_with_its_row(stack: Stack) -> None:
    """What a client leaves that vanishes unreported: a session that writes nothing, and its row."""
    worker = stack.worker().environ()
    (announced,) = stack.rows("workers")
    address = announced["address"]["S"]
    launch = {"command": sys.executable, "args": [str(ECHO)]}
    order = {"server": "test/echo", "connection": "gone=", "launch": launch, "config": {}}
    headers = {"Authorization": f"Bearer {worker['MOORING_WORKER_SECRET']}"}
    started = Request(f"{address}/sessions/abandoned", json.dumps(order).encode(), headers, method="PUT")
    with urlopen(started, timeout=10) as answer:
        assert answer.status == 201
    texts = {"id": "gone=", "connection_id": "gone=", "session_id": "abandoned", "server": "test/echo"}
    texts |= {"principal": "p", "worker_id": worker["MOORING_WORKER_ID"], "worker_address": address}
    item: dict[str, Any] = {name: {"S": text} for name, text in texts.items()}
    stack.put_row("sessions", {**item, "expires_at": {"N": str(an_hour_ago() + ROW_LIFETIME_SECONDS)}})

    await stack.until_no_session_is_left(20)


def an_hour_ago() -> int:
    return int(time.time()) - 3600


async def test_a_client_that_is_there_keeps_its_session_whatever_its_age(stack: Stack) -> None:
    async with raw_client(stack.connect_url("test/echo")) as client:
        await client.initialize()
        (row,) = stack.rows("sessions")
        aged = str(an_hour_ago() + ROW_LIFETIME_SECONDS)
        stack.put_row("sessions", {**row, "expires_at": {"N": aged}})
        stack.put_row(
            "workers",
            {
                **stack.rows("workers")[0],
                "worker_id": {"S": "dead"},
                "lease": {"N": "1"},
                "address": {"S": "http://127.0.0.1:9"},
            },
        )

        async def dead() -> list[Any]:
            rows = await asyncio.to_thread(stack.rows, "workers")
            return [row for row in rows if row["worker_id"] == {"S": "dead"}]

        await until_empty(dead, 15)  # a sweep has been
        assert (await client.request("ping", id=7))["result"] == {}
