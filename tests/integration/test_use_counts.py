"""`useCount` is what the registry shows of the tool calls that really happened."""

import asyncio
import sys

import pytest

from tests.integration.conftest import SERVERS
from tests.raw_client import raw_client
from tests.stack import Stack, until_empty

pytestmark = pytest.mark.integration

CALLS = 7


async def test_tool_calls_and_nothing_else_count_as_use(stack: Stack) -> None:
    stack.put("test/counted", sys.executable, SERVERS / "echo.py")
    async with asyncio.timeout(20), raw_client(stack.connect_url("test/counted")) as client:
        await client.initialize()
        await client.request("tools/list")
        for _ in range(CALLS):
            await client.call_tool("echo", text="hello")

    def use_count() -> str:
        _, server = stack.call("GET", "/servers/test/counted")
        count: str = server["useCount"]
        return count

    async def other_count() -> str:
        count = await asyncio.to_thread(use_count)
        return "" if count == str(CALLS) else f"useCount is {count}"

    await until_empty(other_count, seconds=10)  # the worker reports every two seconds

    def listed_count() -> list[str]:
        _, listed = stack.call("GET", "/servers?q=test/counted")
        return [server["useCount"] for server in listed["servers"][:1]]

    async def other_listed_count() -> str:
        counts = await asyncio.to_thread(listed_count)
        return "" if counts == [str(CALLS)] else f"useCount is {counts}"

    await until_empty(other_listed_count, seconds=10)  # a list is up to five seconds behind
