"""Two hundred sessions in bursts, left in every way a client can leave: nothing remains of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from tests.integration.conftest import Personality
from tests.raw_client import RawClient, raw_client
from tests.stack import Stack

pytestmark = pytest.mark.integration

BURSTS = 4
SESSIONS_PER_BURST = 50
BURST_SECONDS = 60.0
SETTLE_SECONDS = 20.0

Visit = Callable[[RawClient], Awaitable[None]]


async def leave_at_once(client: RawClient) -> None:
    """Close without a word."""


async def call_and_leave(client: RawClient) -> None:
    await client.initialize()
    result = await client.call_tool("echo", text="hello")
    assert result["content"][0]["text"] == "hello"


async def leave_in_the_middle_of_a_call(client: RawClient) -> None:
    call = {"name": "sleep", "arguments": {"seconds": 600}}
    await client.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}))


async def vanish(client: RawClient) -> None:
    """Drop the TCP connection, as a laptop does whose lid is closed."""
    await client.request("ping")
    client.socket.transport.abort()


VISITS: tuple[Visit, ...] = (leave_at_once, call_and_leave, leave_in_the_middle_of_a_call, vanish)


async def test_two_hundred_sessions_in_bursts_leave_nothing_behind(
    stack: Stack, personality: Personality
) -> None:
    url = stack.connect_url(personality("echo"))

    async def visit(number: int) -> None:
        async with raw_client(url) as client:
            await VISITS[number % len(VISITS)](client)

    for _ in range(BURSTS):
        async with asyncio.timeout(BURST_SECONDS):
            await asyncio.gather(*(visit(number) for number in range(SESSIONS_PER_BURST)))

    await stack.until_no_session_is_left(SETTLE_SECONDS)


async def test_fifty_sessions_at_the_same_time_are_fifty_children(
    stack: Stack, personality: Personality
) -> None:
    url = stack.connect_url(personality("echo"))
    everybody_is_here = asyncio.Barrier(SESSIONS_PER_BURST)
    seen: list[int] = []

    async def visit(number: int) -> None:
        async with raw_client(url) as client:
            await client.initialize()
            result = await client.call_tool("state")
            assert result["content"][0]["text"] == "1"
            if await everybody_is_here.wait() == 0:
                seen.extend(session["pid"] for session in await asyncio.to_thread(stack.worker_sessions))
            await everybody_is_here.wait()

    async with asyncio.timeout(BURST_SECONDS):
        await asyncio.gather(*(visit(number) for number in range(SESSIONS_PER_BURST)))

    assert len(set(seen)) == SESSIONS_PER_BURST
    await stack.until_no_session_is_left(SETTLE_SECONDS)
