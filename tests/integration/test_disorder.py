"""A thousand conversations through a gateway that hands frames over out of order, as API Gateway may."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.raw_client import raw_client
from tests.stack import MOORING, Stack, home_with_a_server

pytestmark = pytest.mark.integration

RUNS = 1000
AT_ONCE = 25
SECONDS = 120.0

HANDSHAKE = [
    {"jsonrpc": "2.0", "id": 0, "method": "initialize"},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
]
CANCELLED_CALL = [
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}},
]


@pytest.fixture(scope="module")
def shuffling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Mooring whose gateway delays half of the frames; its server writes back what it reads."""
    home = home_with_a_server(tmp_path_factory.mktemp("shuffling") / "home")
    stack = Stack(home, ["env", "MOORING_SHUFFLE_SEED=2026", MOORING, "up"])
    try:
        stack.start()
        stack.put("test/mirror", "cat")
        yield stack
        stack.stop()
    except BaseException:
        stack.kill()
        raise


async def test_every_conversation_sent_without_waiting_arrives_as_if_in_order(shuffling: Stack) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def converse() -> list[Any]:
        async with places, raw_client(shuffling.connect_url("test/mirror")) as client:
            for frame in [*HANDSHAKE, *CANCELLED_CALL]:
                await client.send(json.dumps(frame))
            return [await client.message() for _ in range(len(HANDSHAKE) + len(CANCELLED_CALL))]

    async with asyncio.timeout(SECONDS):
        arrivals = await asyncio.gather(*(converse() for _ in range(RUNS)))

    out_of_order = 0
    for arrived in arrivals:
        assert arrived[:2] == HANDSHAKE[:2]
        assert [frame for frame in arrived if frame in CANCELLED_CALL] == CANCELLED_CALL
        assert HANDSHAKE[2] in arrived
        out_of_order += arrived != [*HANDSHAKE, *CANCELLED_CALL]
    assert out_of_order, "nothing was shuffled: what does not matter may change places, and does"
