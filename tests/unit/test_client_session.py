"""A session whose sockets break, against a hand-made server on real sockets."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from mooring import errors
from mooring.client.patience import Patience
from mooring.errors import FrameTooLarge, MooringError
from tests.unit.resumable import MadeUpTime, Refusal, answer, opened, request, running, to_the_end

CALLS = 200
AT_ONCE = 4


async def test_a_socket_that_breaks_while_a_call_runs_costs_nothing() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(request(1, "hold"))
        await platform.held.get()
        platform.cut()
        listening = asyncio.create_task(session.receive())
        assert await platform.codes.get() == 1006
        platform.session.answer("1")

        assert json.loads(await listening) == {"jsonrpc": "2.0", "id": 1, "result": {"of": 1}}
        assert set(platform.session.executed.values()) == {1}


@pytest.mark.parametrize("is_lost", [True, False], ids=["before the frame is taken", "after it is taken"])
@pytest.mark.parametrize("every", [1, 2, 7, 50])
async def test_each_of_many_calls_is_executed_and_answered_once(every: int, is_lost: bool) -> None:
    async with asyncio.timeout(30), running() as platform, opened(platform) as session:
        arrived = 0

        def cut_now_and_then(socket: ServerConnection, message: Any) -> bool:
            nonlocal arrived
            arrived += 1
            if arrived % (every + 1):
                return True
            socket.transport.abort()
            return not is_lost

        platform.on_frame = cut_now_and_then

        answered = []
        for number in range(CALLS + AT_ONCE):
            if number < CALLS:
                await session.send(request(number))
            if number >= AT_ONCE:
                answered.append((await answer(session))["id"])

        assert sorted(answered) == list(range(CALLS))
        assert len(platform.session.executed) == CALLS
        assert set(platform.session.executed.values()) == {1}
        assert len(platform.paths) > CALLS / (every + 1) / AT_ONCE


async def test_what_the_server_sent_to_nobody_arrives_once_and_in_order() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        for number in range(3):
            platform.session.say({"method": "n", "params": [number]})
        assert (await answer(session))["params"] == [0]
        platform.cut()
        platform.session.say({"method": "n", "params": [3]})

        assert [(await answer(session))["params"] for _ in range(3)] == [[1], [2], [3]]
    assert session.received == 3  # nobody asked for a frame after the last one


async def test_what_is_sent_while_there_is_no_connection_leaves_in_order_later() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(5), running() as platform, opened(platform, time.patience) as session:
        await session.send(request("first"))
        await answer(session)
        await platform.stop()
        time.on_pause = lambda: platform.start() if len(time.pauses) == 3 else None
        sending = asyncio.gather(*(session.send(request(number)) for number in range(5)))

        answered = [(await answer(session))["id"] for _ in range(5)]
        await sending

    assert answered == [0, 1, 2, 3, 4]


async def test_a_server_that_restarts_is_waited_for_with_pauses_that_grow() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(5), running() as platform, opened(platform, time.patience) as session:
        await session.send(request(1, "hold"))
        key = await platform.held.get()
        await platform.stop()
        assert await platform.codes.get() == 1001
        time.on_pause = lambda: platform.start() if len(time.pauses) == 9 else None
        platform.session.answer(key)

        assert (await answer(session))["id"] == 1

    assert time.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


async def test_a_connection_that_worked_gives_the_next_search_the_whole_window() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(5), running() as platform, opened(platform, time.patience) as session:
        for number in range(20):
            time.now += 250.0
            await session.send(request(number))
            platform.cut()
            assert (await answer(session))["id"] == number

    assert time.pauses == []


async def test_a_refusal_that_passes_is_waited_out_for_as_long_as_it_says() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(5), running() as platform, opened(platform, time.patience) as session:
        platform.refusals += [
            Refusal(errors.WorkerUnavailable("no room"), {"Retry-After": "7"}),
            Refusal(errors.LimitReached("too often", {"retryAfterSeconds": 2.5})),
            Refusal(MooringError("internal error")),
        ]
        await session.send(request(1))
        platform.cut()

        assert (await answer(session))["id"] == 1

    assert time.pauses == [7, 2.5, 0.4]


async def test_a_socket_that_the_server_closes_in_order_is_replaced_as_well() -> None:
    """So it closes one on which a frame may have got lost: API Gateway has no other code to say it with."""
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(request(1, "hold"))
        key = await platform.held.get()
        assert platform.socket
        await platform.socket.close(1000)
        platform.session.answer(key)

        assert (await answer(session))["id"] == 1


async def test_a_frame_that_the_gateway_lost_is_sent_again() -> None:
    report = json.dumps({"message": "Internal server error", "connectionId": "c=", "requestId": "r="})
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        is_first = True

        def lose_the_first(socket: ServerConnection, message: Any) -> bool:
            nonlocal is_first
            if is_first:
                is_first = False
                platform._post(1, report)
                return False
            return True

        platform.on_frame = lose_the_first
        await session.send(request(1))

        assert (await answer(session))["result"] == {"of": 1}
        assert await platform.codes.get() == 1001


async def test_another_process_goes_on_where_the_first_one_ended() -> None:
    async with asyncio.timeout(5), running() as platform:
        async with opened(platform, Patience(window_seconds=0)) as first:
            await first.send(request(1, "hold"))
            key = await platform.held.get()
            platform.session.say({"method": "n"})
            platform.session.say({"method": "m"})
            assert [(await answer(first))["method"] for _ in range(2)] == ["n", "m"]
            state: dict[str, Any] = {"id": first.id, "received": first.received}
            platform.cut()
            await to_the_end(first)
        assert state["received"] == 1  # "m" was given out and may not have been looked at
        platform.session.answer(key)
        async with opened(platform, **state) as second:
            assert (await answer(second))["method"] == "m"
            assert (await answer(second))["id"] == 1


async def test_the_state_is_in_the_connect_url_and_the_id_is_not_to_be_guessed() -> None:
    async with asyncio.timeout(5), running() as platform:
        async with opened(platform) as first, opened(platform) as second:
            assert first.id != second.id
        assert len(first.id) == 22
        assert platform.paths[0] == f"/demo/echo/ws?config=e30%3D&session={first.id}"


async def test_a_frame_over_the_message_limit_is_refused_and_the_session_goes_on() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        with pytest.raises(FrameTooLarge):
            await session.send(b"x" * 131_073)
        await session.send(request(1))
        assert (await answer(session))["id"] == 1
