"""Frames pass through the whole platform as they are: a server that mirrors its input shows what it gets."""

import asyncio
import json

import pytest

from tests.integration.conftest import Personality
from tests.raw_client import raw_client
from tests.stack import Stack

pytestmark = pytest.mark.integration

FRAMES = {
    "a string id": '{"jsonrpc":"2.0","id":"a-string","method":"ping"}',
    "a string id that looks like a number": '{"jsonrpc":"2.0","id":"1","method":"ping"}',
    "an empty string id": '{"jsonrpc":"2.0","id":"","method":"ping"}',
    "an id with escapes": r'{"jsonrpc":"2.0","id":"é\u00e9\"\\\/\ud83d\udea2","method":"ping"}',
    "the id zero": '{"jsonrpc":"2.0","id":0,"method":"ping"}',
    "a negative id": '{"jsonrpc":"2.0","id":-7,"method":"ping"}',
    "an id that looks like a float": '{"jsonrpc":"2.0","id":1.0,"method":"ping"}',
    "an id with an exponent": '{"jsonrpc":"2.0","id":1E2,"method":"ping"}',
    "an id beyond 64 bits": '{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}',
    "a notification without params": '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    "a notification with an explicit null": '{"jsonrpc":"2.0","method":"m","params":{"a":null}}',
    "members in another order": '{"params":{"z":1,"a":2},"method":"m","jsonrpc":"2.0"}',
    "spaces between the tokens": '{ "jsonrpc" : "2.0" ,\t"method" : "m" }',
    "a response": '{"jsonrpc":"2.0","id":"server-1","result":{}}',
    "an error response": '{"jsonrpc":"2.0","id":4,"error":{"code":-32603,"message":"no","data":null}}',
    "a batch": '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"m"}]',
    "separators that are no line ends": '{"jsonrpc":"2.0","method":"m","params":{"t":"\u2028\u2029\u0085"}}',
    "members that nobody knows": '{"jsonrpc":"2.0","method":"m","_meta":{"x":1},"later":[1.50,1e-3]}',
    "a request of 2026-07-28 as the first frame": (
        '{"jsonrpc":"2.0","id":1,"method":"tools/list",'
        '"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}'
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
async def test_a_frame_passes_unchanged_in_both_directions(stack: Stack, mirror: str, frame: str) -> None:
    async with asyncio.timeout(10), raw_client(stack.connect_url(mirror)) as client:
        await client.send(frame)

        assert await client.receive() == frame


async def test_a_frame_with_line_breaks_reaches_the_server_as_one_line(stack: Stack, mirror: str) -> None:
    """The framing of stdio: a message is a line."""
    message = {"jsonrpc": "2.0", "id": "x", "method": "m", "params": {"text": "line\nbreak"}}
    async with asyncio.timeout(10), raw_client(stack.connect_url(mirror)) as client:
        await client.send(json.dumps(message, indent=2).replace("\n", "\r\n"))

        assert await client.message() == message


async def test_the_largest_message_of_api_gateway_passes(stack: Stack, mirror: str) -> None:
    """128 KB in frames of at most 32 KB."""
    envelope = '{"jsonrpc":"2.0","method":"m","params":{"text":""}}'
    frame = envelope.replace('""', f'"{"x" * (131_072 - len(envelope))}"')
    async with asyncio.timeout(10), raw_client(stack.connect_url(mirror)) as client:
        await client.socket.send(frame[at : at + 32_768] for at in range(0, len(frame), 32_768))

        assert await client.receive() == frame


@pytest.fixture(scope="module")
def mirror(personality: Personality) -> str:
    return personality("mirror")
