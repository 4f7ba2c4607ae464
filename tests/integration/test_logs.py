"""`mooring logs` on a whole Mooring, as a publisher uses it when a server crashes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.raw_client import raw_client
from tests.stack import Stack, home_with_a_server, running

pytestmark = pytest.mark.integration

ECHO = Path(__file__).parents[1] / "servers" / "echo.py"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(home_with_a_server(tmp_path_factory.mktemp("mooring") / "home")) as stack:
        stack.put("test/echo", sys.executable, ECHO)
        yield stack


async def test_a_crash_can_be_read_about_when_its_client_has_gone(stack: Stack) -> None:
    async with raw_client(stack.connect_url("test/echo")) as client:
        await client.initialize()
        await client.call_tool("print", text="the disk is full")
        await client.call_tool("crash", code=4)
    await stack.until_no_session_is_left()

    said, ended = stack.command("logs", "Test/Echo").splitlines()

    assert said.endswith(" the disk is full")
    assert ended.endswith(" [the server exited with code 4]")
    assert stack.command("logs", said.split()[2]).splitlines() == [said, ended]
