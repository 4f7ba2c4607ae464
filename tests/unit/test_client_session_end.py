"""How a session ends, and who is told what, against a hand-made server on real sockets."""

import asyncio

import pytest

from mooring import errors
from mooring.errors import ConnectionGone, FrameTooLarge, MooringError, SessionNotFound, WorkerLost
from tests.unit.resumable import MadeUpTime, Refusal, answer, opened, request, running, to_the_end


async def test_a_server_that_never_returns_is_given_up_after_the_window() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(10), running() as platform, opened(platform, time.patience) as session:
        await session.send(request(1, "hold"))
        await session.send(request("two", "hold"))
        await platform.stop()

        frames, error = await to_the_end(session)

    assert [frame["id"] for frame in frames] == [1, "two"]
    assert {frame["error"]["code"] for frame in frames} == {SessionNotFound.jsonrpc_code}
    assert type(error) is ConnectionGone
    assert sum(time.pauses) == pytest.approx(300)
    assert len(time.pauses) < 100


async def test_a_server_that_hangs_up_at_once_is_not_asked_all_the_time() -> None:
    time = MadeUpTime()
    async with asyncio.timeout(10), running() as platform:
        platform.on_open = lambda socket: socket.transport.abort()
        async with opened(platform, time.patience) as session:
            _, error = await to_the_end(session)

    assert type(error) is ConnectionGone
    assert sum(time.pauses) == pytest.approx(300)
    assert len(platform.paths) < 100


async def test_a_session_that_the_server_has_ended_ends_with_an_error_for_every_request() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(b'{"id":1.0,"method":"hold"}')
        await session.send(request("x", "hold"))
        await session.send(request(3))
        assert (await answer(session))["id"] == 3
        platform.refusals.append(Refusal(SessionNotFound("start anew with another session id")))
        platform.cut()

        assert (await session.receive()).startswith(b'{"jsonrpc":"2.0","id":1.0,"error":{"code":-32010,')
        assert (await answer(session))["id"] == "x"
        for _ in range(2):
            with pytest.raises(SessionNotFound):
                await session.receive()

    assert len(platform.paths) == 2


async def test_requests_whose_worker_is_gone_are_told_that() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(request("x", "hold"))
        await session.send(request(3))
        assert (await answer(session))["id"] == 3
        platform.refusals.append(Refusal(WorkerLost("start anew with another session id")))
        platform.cut()

        told = await answer(session)
        assert (told["id"], told["error"]["code"]) == ("x", -32012)
        with pytest.raises(WorkerLost):
            await session.receive()

    assert len(platform.paths) == 2, "it is no use to try again"


async def test_whoever_waits_to_send_is_told_that_the_session_has_ended() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await platform.stop()
        assert await platform.codes.get() == 1001
        sending = asyncio.gather(
            *(session.send(request(number)) for number in range(3)), return_exceptions=True
        )
        await to_the_end(session)

        assert [type(outcome) for outcome in await sending] == [ConnectionGone] * 3


@pytest.mark.parametrize(
    "error",
    [errors.Forbidden("not yours"), errors.Unauthorized("no such key"), errors.ServerNotFound("it is gone")],
    ids=lambda error: type(error).__name__,
)
async def test_a_refusal_that_stays_ends_the_session(error: MooringError) -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(request(1, "hold"))
        await platform.held.get()
        platform.refusals.append(Refusal(error))
        platform.cut()

        frames, ended = await to_the_end(session)
        with pytest.raises(type(error)):
            await session.send(request(2))

    assert [frame["error"]["code"] for frame in frames] == [SessionNotFound.jsonrpc_code]
    assert type(ended) is type(error)
    assert ended.message == error.message
    assert len(platform.paths) == 2


@pytest.mark.parametrize(("code", "told"), [(1009, FrameTooLarge), (1003, SessionNotFound)])
async def test_a_frame_that_cannot_be_carried_is_not_tried_again(code: int, told: type[MooringError]) -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform) as session:
        await session.send(request(1, "hold"))
        await platform.held.get()
        assert platform.socket
        await platform.socket.close(code)

        frames, error = await to_the_end(session)

    assert [frame["error"]["code"] for frame in frames] == [told.jsonrpc_code]
    assert type(error) is ConnectionGone
    assert len(platform.paths) == 1


async def test_an_unknown_session_is_refused_when_it_is_opened() -> None:
    async with asyncio.timeout(5), running() as platform:
        with pytest.raises(SessionNotFound):
            async with opened(platform, id="a" * 22, received=3):
                pass

    assert len(platform.paths) == 1


async def test_a_session_is_closed_with_the_code_that_says_it_is_over() -> None:
    async with asyncio.timeout(5), running() as platform:
        async with opened(platform) as session:
            pass
        assert await platform.codes.get() == 1000
        with pytest.raises(ConnectionGone):
            await session.receive()
        with pytest.raises(ConnectionGone):
            await session.send(request(1))


async def test_a_session_that_is_closed_while_its_connection_is_lost_is_over_for_the_server_too() -> None:
    async with asyncio.timeout(5), running() as platform:
        async with opened(platform):
            platform.cut()
        assert [await platform.codes.get(), await platform.codes.get()] == [1006, 1000]


async def test_a_server_that_is_away_does_not_keep_a_session_from_closing() -> None:
    async with asyncio.timeout(5), running() as platform, opened(platform):
        await platform.stop()
