"""Sessions that outlive their sockets, through everything between a socket and its child."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mooring.url import connect_url, resuming_url
from tests.integration.conftest import Personality
from tests.raw_client import RawClient, raw_client
from tests.stack import MOORING, Stack, home_with_a_server

pytestmark = pytest.mark.integration

WINDOW_SECONDS = 3.0
ANSWER_SECONDS = 20.0
FLOOD = 1500  # frames of 1,000 bytes: more than the ring keeps
KEPT_BYTES = 1_048_576  # MOORING_RING_BYTES


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Mooring whose sessions do not wait long for their clients."""
    home = home_with_a_server(tmp_path_factory.mktemp("impatient") / "home")
    stack = Stack(home, ["env", f"MOORING_RESUME_SECONDS={WINDOW_SECONDS}", MOORING, "up"])
    try:
        stack.start()
        yield stack
        stack.stop()
    except BaseException:
        stack.kill()
        raise


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(4 * ANSWER_SECONDS):
        yield


class Visitor:
    """A client that resumes, with a session of its own; it closes for good at the end of the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = secrets.token_urlsafe(16)
        self.received = 0

    def connect(self, received: int | None = None) -> Any:
        count = self.received if received is None else received
        return raw_client(resuming_url(self.url, self.session, count))

    async def refusal(self, received: int) -> tuple[int, dict[str, Any]]:
        with pytest.raises(InvalidStatus) as refused:
            async with self.connect(received):
                pass
        response = refused.value.response
        return response.status_code, json.loads(response.body or b"{}")

    async def answer(self, client: RawClient, id_: int) -> Any:
        """Return the answer to a request; count it and the frames before it."""
        while True:
            message = await client.message()
            self.received += 1
            if message.get("id") == id_:
                return message["result"]


def call(id_: int, tool: str, **arguments: Any) -> str:
    params = {"name": tool, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params})


def text(result: Any) -> str:
    return str(result["content"][0]["text"])


@pytest.fixture
def visitor(stack: Stack, personality: Personality) -> Visitor:
    return Visitor(stack.connect_url(personality("echo")))


async def test_a_socket_that_drops_in_the_middle_of_a_call_costs_nothing(
    stack: Stack, visitor: Visitor
) -> None:
    async with visitor.connect() as client:
        await client.initialize()
        visitor.received = 1
        await client.send(call(1, "state"))
        assert text(await visitor.answer(client, 1)) == "1"
        await client.send(call(2, "sleep", seconds=0.5))
        await client.send(call(3, "state"))
        await until_in_flight(stack, 2)
        client.socket.transport.abort()

    async with visitor.connect() as client:
        await client.send(call(2, "sleep", seconds=0.5))  # as `mooring.client` does
        await client.send(call(3, "state"))
        assert text(await visitor.answer(client, 2)) == "slept"
        assert text(await visitor.answer(client, 3)) == "2"
        await client.send(call(4, "state"))
        assert text(await visitor.answer(client, 4)) == "3"
    assert visitor.received == 5, "each answer came once"
    await stack.until_no_session_is_left()


async def test_frames_that_were_missed_are_sent_again_in_their_order(stack: Stack, visitor: Visitor) -> None:
    async with visitor.connect() as client:
        await client.initialize()
        for id_ in range(1, 10):
            await client.send(call(id_, "echo", text=str(id_)))
            await visitor.answer(client, id_)
        client.socket.transport.abort()

    async with visitor.connect(received=4) as client:
        again = [(await client.message())["id"] for _ in range(6)]
        await client.send(call(10, "echo", text="new"))
        assert (await client.message())["id"] == 10
    assert again == [4, 5, 6, 7, 8, 9]
    await stack.until_no_session_is_left()


async def test_the_later_of_two_connections_has_the_session(stack: Stack, visitor: Visitor) -> None:
    async with visitor.connect() as earlier:
        await earlier.send(call(1, "state"))
        await visitor.answer(earlier, 1)
        async with visitor.connect() as later:
            with pytest.raises(ConnectionClosed):
                await earlier.message()
            await later.send(call(2, "state"))
            assert text(await visitor.answer(later, 2)) == "2"
    await stack.until_no_session_is_left()


async def test_a_session_is_its_principal_s_and_its_server_s(
    stack: Stack, visitor: Visitor, personality: Personality
) -> None:
    _, other = stack.call("POST", "/keys", {"name": "other", "role": "client"})
    mine = visitor.url
    async with visitor.connect() as client:
        await client.initialize()

        visitor.url = connect_url(stack.ws_url, personality("echo"), api_key=other["key"])
        status, refusal = await visitor.refusal(received=1)
        assert (status, refusal["error"]) == (403, "Forbidden")

        visitor.url = stack.connect_url(personality("floods"))
        status, refusal = await visitor.refusal(received=1)
        assert (status, refusal["error"]) == (403, "Forbidden")

        await client.request("ping", id="still there")
    visitor.url = mine
    await stack.until_no_session_is_left()


async def test_a_session_that_was_never_there_cannot_be_resumed(stack: Stack, visitor: Visitor) -> None:
    status, refusal = await visitor.refusal(received=3)

    assert (status, refusal["error"]) == (404, "SessionNotFound")
    assert "start anew" in refusal["message"]
    await stack.until_no_session_is_left()


async def test_a_client_that_lacks_more_than_is_kept_is_told_to_start_anew(
    stack: Stack, visitor: Visitor, personality: Personality
) -> None:
    visitor.url = stack.connect_url(personality("floods"))
    flood = {"jsonrpc": "2.0", "id": 1, "method": "flood", "params": {"count": FLOOD, "size": 1000}}
    async with visitor.connect() as client:
        await client.send(json.dumps(flood))
        frames, size = 0, 0
        while json.loads(frame := await client.receive()).get("id") != 1:
            frames, size = frames + 1, size + len(frame)
        assert size > KEPT_BYTES
        client.socket.transport.abort()

    status, refusal = await visitor.refusal(received=10)

    assert (status, refusal["error"]) == (404, "SessionNotFound")
    assert "not kept any more" in refusal["message"] and "start anew" in refusal["message"]
    await stack.until_no_session_is_left()


async def test_a_client_that_comes_too_late_finds_nothing_left(impatient: Stack) -> None:
    impatient.put("test/mirror", "cat")
    visitor = Visitor(impatient.connect_url("test/mirror"))
    async with visitor.connect() as client:
        await client.send('{"id":1,"result":{}}')
        await client.message()
        client.socket.transport.abort()

    async with visitor.connect(received=1) as client:  # in time
        await client.send('{"id":2,"result":{}}')
        assert (await client.message())["id"] == 2
        client.socket.transport.abort()

    await impatient.until_no_session_is_left(WINDOW_SECONDS + 10)
    status, refusal = await visitor.refusal(received=2)
    assert (status, refusal["error"]) == (404, "SessionNotFound")
    async with visitor.connect(received=0) as client:  # anew, even under the same id
        await client.send('{"id":3,"result":{}}')
        assert (await client.message())["id"] == 3
    await impatient.until_no_session_is_left(WINDOW_SECONDS + 10)


async def until_in_flight(stack: Stack, requests: int) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        while (
            sum(session["inFlight"] for session in await asyncio.to_thread(stack.worker_sessions)) < requests
        ):
            await asyncio.sleep(0.02)
