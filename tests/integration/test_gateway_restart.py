"""The gateway is killed under its clients: those that resume lose nothing, of the others nothing stays."""

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from websockets.exceptions import ConnectionClosed, WebSocketException

from mooring.client import websocket_transport
from tests.raw_client import RawClient, raw_client
from tests.stack import MOORING, Stack, home_with_a_server, running, until_empty

pytestmark = pytest.mark.integration

ECHO = Path(__file__).parents[1] / "servers" / "echo.py"
CALLS, AT_ONCE, KILLS = 150, 6, 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(home_with_a_server(tmp_path_factory.mktemp("restart") / "home")) as stack:
        stack.put("test/echo", sys.executable, ECHO)
        yield stack


@pytest.fixture
def url(stack: Stack) -> str:
    return stack.connect_url("test/echo")


@pytest.fixture
async def nothing_is_left(stack: Stack) -> AsyncIterator[None]:
    yield
    await until_nothing_is_left(stack)


async def until_nothing_is_left(stack: Stack) -> None:
    """Wait until no client has a process, a row or a session; a part that is being started again has them."""

    def remains() -> Any:
        try:
            return stack.children() or stack.rows("sessions") or stack.worker_sessions()
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess, BotoCoreError, ClientError) as error:
            return error

    await until_empty(lambda: asyncio.to_thread(remains), 15)


def kill(stack: Stack, part: str) -> int:
    pid = stack.pid(part)
    os.kill(pid, signal.SIGKILL)
    return pid


async def until_replaced(stack: Stack, part: str, pid: int) -> None:
    async def same() -> bool:
        return stack.pid(part) == pid

    await until_empty(same, 10)


async def text_of(client: Client, tool: str, **arguments: Any) -> str:
    (block,) = (await client.call_tool(tool, arguments)).content
    assert block.type == "text"
    return block.text


async def call_on_through_crashes(stack: Stack, client: Client) -> list[int]:
    """Call the tool that counts its calls, some calls at once, and kill the gateway now and then."""
    numbers, counts = iter(range(CALLS)), []
    killed = [kill(stack, "gateway")]

    async def call() -> None:
        for number in numbers:
            counts.append(int(await text_of(client, "state")))
            if number in range(CALLS // KILLS, CALLS, CALLS // KILLS):
                await until_replaced(stack, "gateway", killed[-1])
                killed.append(kill(stack, "gateway"))

    async with asyncio.TaskGroup() as calls:
        for _ in range(AT_ONCE):
            calls.create_task(call())
    assert len(set(killed)) == KILLS
    await until_replaced(stack, "gateway", killed[-1])
    return counts


@pytest.mark.usefixtures("nothing_is_left")
async def test_a_client_that_resumes_gets_every_call_carried_out_and_answered_once(
    stack: Stack, url: str
) -> None:
    async with asyncio.timeout(60), Client(websocket_transport(url)) as client:
        long_call = asyncio.create_task(client.call_tool("sleep", {"seconds": 1}))
        counts = await call_on_through_crashes(stack, client)
        answer = await long_call

    assert sorted(counts) == list(range(1, CALLS + 1))  # of one child, which never was another
    assert not answer.is_error


@pytest.mark.usefixtures("nothing_is_left")
async def test_a_client_that_only_knows_stdio_notices_nothing(stack: Stack) -> None:
    environment = {"MOORING_URL": stack.url, "MOORING_API_KEY": stack.api_key}
    command = StdioServerParameters(command=str(MOORING), args=["connect", "test/echo"], env=environment)
    async with asyncio.timeout(60), Client(command) as client:
        counts = await call_on_through_crashes(stack, client)

    assert sorted(counts) == list(range(1, CALLS + 1))


async def test_plain_clients_are_cut_and_of_their_sessions_nothing_stays(stack: Stack, url: str) -> None:
    """Though their children are silent: nobody would find out that there is no client any more."""
    async with asyncio.timeout(20), AsyncExitStack() as exits:
        clients = [await exits.enter_async_context(raw_client(url)) for _ in range(5)]
        for client in clients:
            await client.initialize()
        killed = kill(stack, "gateway")
        for client in clients:
            await until_cut(client)
        await until_replaced(stack, "gateway", killed)
        await until_nothing_is_left(stack)


async def until_cut(client: RawClient) -> None:
    with pytest.raises(ConnectionClosed):
        await client.receive()


@pytest.mark.usefixtures("nothing_is_left")
async def test_a_new_client_need_not_wait_for_the_next_gateway_to_be_there(stack: Stack, url: str) -> None:
    killed = kill(stack, "gateway")
    async with asyncio.timeout(10), raw_client(url) as client:  # not refused: the port is always open
        await client.initialize()
        assert (await client.call_tool("echo", text="again"))["content"][0]["text"] == "again"
        await until_replaced(stack, "gateway", killed)
        assert (await client.request("ping", id=7))["result"] == {}
    assert stack.call("GET", "/servers")[0] == 200


@pytest.mark.usefixtures("nothing_is_left")
async def test_a_session_that_may_be_resumed_waits_for_its_client_on_the_same_child(
    stack: Stack, url: str
) -> None:
    url = f"{url}&session={secrets.token_urlsafe(22)}"
    async with raw_client(url) as client:
        await client.initialize()
        assert await called(client, 1) == "1"
        (session,) = stack.worker_sessions()
        killed = kill(stack, "gateway")
        await until_cut(client)
    await until_replaced(stack, "gateway", killed)

    (waiting,) = stack.worker_sessions()
    assert (waiting["pid"], waiting["state"]) == (session["pid"], "detached")
    assert [row["id"]["S"].partition("#")[0] for row in stack.rows("sessions")] == ["session"]
    async with raw_client(f"{url}&received=2") as client:
        assert await called(client, 2) == "2"


async def called(client: RawClient, id: int) -> Any:
    answer = await client.request("tools/call", {"name": "state", "arguments": {}}, id=id)
    return answer["result"]["content"][0]["text"]


async def test_sessions_end_whose_rows_died_with_the_emulator(stack: Stack, url: str) -> None:
    async with asyncio.timeout(20), raw_client(url) as client:
        await client.initialize()
        killed = kill(stack, "emulator")
        await until_cut(client)
    await until_replaced(stack, "emulator", killed)
    await until_nothing_is_left(stack)


async def test_when_everything_but_the_supervisor_dies_the_next_client_is_served(
    stack: Stack, url: str
) -> None:
    async with raw_client(url) as client:
        await client.initialize()
        for part in ("gateway", "worker", "emulator"):
            kill(stack, part)

    async def refused() -> Any:
        try:
            async with asyncio.timeout(5), raw_client(url) as client:
                await client.initialize()
        except (OSError, WebSocketException) as error:  # while the parts are being started again
            return error
        return None

    await until_empty(refused, 20)
    await until_nothing_is_left(stack)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_supervisor(tmp_path: Path, signum: signal.Signals) -> None:
    stack = Stack(home_with_a_server(tmp_path / "home"))
    try:
        stack.start()
        processes = stack.processes()
        assert {stack.pid(part) for part in ("emulator", "gateway", "worker")} < {
            one.pid for one in processes
        }

        os.kill(json.loads((stack.home / "run.json").read_text())["pid"], signum)

        assert psutil.wait_procs(processes, timeout=15)[1] == []
        assert stack.port_is_free()
    finally:
        stack.kill()
