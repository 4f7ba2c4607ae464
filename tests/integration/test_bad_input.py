"""Frames and servers that misbehave: the right error reaches the client in time, and nothing is left."""

import asyncio
import json
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from mooring.url import connect_url
from tests.integration.conftest import Personality
from tests.raw_client import HELLO, raw_client
from tests.stack import Stack, until_empty

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("nothing_is_left")]

ERROR_SECONDS = 2.0  # design: an error reaches the client within 2 s of its cause
ANSWER_SECONDS = 10.0


@pytest.mark.parametrize("frame", ["", "{", "hello", '"text"', "42", '{"id":1,'])
async def test_a_frame_that_is_no_message_is_answered_with_a_parse_error(
    stack: Stack, echo: str, frame: str
) -> None:
    async with raw_client(stack.connect_url(echo)) as client:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.initialize()
        await client.send(frame)
        async with asyncio.timeout(ERROR_SECONDS):
            answer = await client.message()
            still_there = await client.call_tool("echo", text="still there")

    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert still_there["content"][0]["text"] == "still there"


TOO_MUCH = {
    "a frame of 200 KB": ("x" * 200_000, 1009),
    "a frame over 32 KB": ("x" * 32_769, 1009),
    "a binary frame": (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', 1003),
}


@pytest.mark.parametrize(("frame", "code"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_a_frame_that_api_gateway_does_not_take_closes_the_connection(
    stack: Stack, echo: str, frame: str | bytes, code: int
) -> None:
    async with raw_client(stack.connect_url(echo)) as client:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.initialize()
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(ERROR_SECONDS):
                await client.send(frame)
                await client.receive()

    assert closed.value.rcvd
    assert closed.value.rcvd.code == code


async def test_a_server_that_dies_at_start_fails_the_first_request_with_its_own_words(
    stack: Stack, personality: Personality
) -> None:
    async with raw_client(stack.connect_url(personality("dies_at_start"))) as client:
        async with asyncio.timeout(ERROR_SECONDS):
            answer = await client.request("initialize", HELLO, id="first")

    assert answer["id"] == "first"
    assert answer["error"]["code"] == -32014
    assert answer["error"]["data"]["exitCode"] == 3
    assert "cannot find the database" in answer["error"]["data"]["stderr"][-1]


async def test_the_words_of_a_dying_server_are_for_its_owner_only(
    stack: Stack, personality: Personality
) -> None:
    _, key = stack.call("POST", "/keys", {"name": "reader", "role": "client"})
    url = connect_url(stack.ws_url, personality("dies_at_start"), api_key=key["key"])
    async with raw_client(url) as client:
        async with asyncio.timeout(ERROR_SECONDS):
            answer = await client.request("initialize", HELLO)

    assert answer["error"]["code"] == -32014
    assert "stderr" not in answer["error"]["data"]


async def test_a_server_that_cannot_be_executed_fails_the_first_request(stack: Stack) -> None:
    stack.put("test/no-program", "no-such-program-anywhere")
    async with raw_client(stack.connect_url("test/no-program")) as client:
        async with asyncio.timeout(ERROR_SECONDS):
            answer = await client.request("initialize", HELLO)

    assert answer["error"]["code"] == -32014


@pytest.mark.parametrize(
    ("tool", "arguments", "status"),
    [
        ("crash", {"code": 7}, {"exitCode": 7, "signal": None}),
        ("signal", {"number": 9}, {"exitCode": None, "signal": "SIGKILL"}),
    ],
)
async def test_a_server_that_dies_in_a_call_fails_that_call_and_the_next(
    stack: Stack, echo: str, tool: str, arguments: dict[str, int], status: dict[str, Any]
) -> None:
    async with raw_client(stack.connect_url(echo)) as client:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.initialize()
        async with asyncio.timeout(ERROR_SECONDS):
            broken = await client.call_tool(tool, **arguments)
            after = await client.call_tool("echo", text="too late")

    assert broken["error"]["code"] == after["error"]["code"] == -32011
    assert {name: broken["error"]["data"][name] for name in status} == status


async def test_log_lines_on_stdout_do_not_reach_the_client(stack: Stack, personality: Personality) -> None:
    async with raw_client(stack.connect_url(personality("logs_to_stdout"))) as client:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')
            first = await client.message()
            await client.send('{"jsonrpc":"2.0","id":2,"method":"ping"}')
            second = await client.message()

    assert [first["id"], second["id"]] == [1, 2]


async def test_a_server_that_never_answers_keeps_its_session_until_the_client_leaves(
    stack: Stack, personality: Personality
) -> None:
    """A tool may take minutes, so silence is no error; another session is not held up by it."""
    async with raw_client(stack.connect_url(personality("silent"))) as client:
        await client.send('{"jsonrpc":"2.0","id":1,"method":"ping"}')
        async with asyncio.timeout(ANSWER_SECONDS):
            await until_a_request_is_in_flight(stack)
            async with raw_client(stack.connect_url(personality("echo"))) as other:
                await other.initialize()

        assert [session["state"] for session in stack.worker_sessions() if session["inFlight"]] == ["running"]


async def test_a_flood_reaches_the_client_whole_and_in_order(stack: Stack, personality: Personality) -> None:
    count = 2000
    async with raw_client(stack.connect_url(personality("floods"))) as client:
        await client.send(
            json.dumps(
                {"jsonrpc": "2.0", "id": 1, "method": "flood", "params": {"count": count, "size": 1000}}
            )
        )
        async with asyncio.timeout(30):
            frames = [await client.message() for _ in range(count + 1)]

    assert [frame["params"]["number"] for frame in frames[:-1]] == list(range(count))
    assert frames[-1]["result"] == {"written": count}


async def test_a_client_that_leaves_in_the_middle_of_a_flood_leaves_nothing_behind(
    stack: Stack, personality: Personality
) -> None:
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        raw_client(stack.connect_url(personality("floods"))) as client,
    ):
        await client.send(
            '{"jsonrpc":"2.0","id":1,"method":"flood","params":{"count":100000,"size":1000}}',
        )
        assert (await client.message())["params"]["number"] == 0


async def test_a_server_that_ignores_sigterm_is_killed(stack: Stack, personality: Personality) -> None:
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        raw_client(stack.connect_url(personality("ignores_sigterm"))) as client,
    ):
        await client.message()  # it ignores SIGTERM from here on
        children = stack.children()
        assert children

    await stack.until_no_session_is_left()
    assert not any(child.is_running() for child in children)


async def test_grandchildren_are_killed_with_their_session(stack: Stack, personality: Personality) -> None:
    url = stack.connect_url(personality("leaves_grandchildren"))
    async with asyncio.timeout(ANSWER_SECONDS), raw_client(url) as client:
        pids = (await client.message())["params"]
        left = [psutil.Process(pid) for pid in pids.values()]

    async def running() -> list[psutil.Process]:
        return [process for process in left if process.is_running()]

    await until_empty(running, ANSWER_SECONDS)


async def until_a_request_is_in_flight(stack: Stack) -> None:
    async def missing() -> bool:
        sessions = await asyncio.to_thread(stack.worker_sessions)
        return not any(session["inFlight"] for session in sessions)

    await until_empty(missing, ANSWER_SECONDS)


@pytest.fixture(scope="module")
def echo(personality: Personality) -> str:
    return personality("echo")
