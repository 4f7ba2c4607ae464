"""Clients that go on and on: calls of mixed sizes with pauses, session after session, for load and soak."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic

from benchmarks import messages
from mooring.client.session import Session
from mooring.errors import MooringError

_PAUSE_SECONDS = 1.0
_ANSWER_SECONDS = 30.0
_LARGE_BYTES = 60_000
_LARGE_CHANCE = 0.05


@dataclass
class Tally:
    calls: int = 0
    sessions: int = 0
    drops: int = 0
    failures: list[str] = field(default_factory=list)
    latencies_seconds: list[float] = field(default_factory=list)


async def talk(
    url: str,
    chance: random.Random,
    ends_at: float,
    tally: Tally,
    *,
    drop_chance: float = 0.0,
    calls_per_session: int = 200,
) -> None:
    """Be one client until `ends_at`, by the monotonic clock; what fails is noted in `tally`.

    `drop_chance` is that of losing the socket before a call; the session is then resumed.
    """
    await asyncio.sleep(chance.random() * _PAUSE_SECONDS * 5)  # not all in one moment
    while monotonic() < ends_at:
        try:
            async with _opened(url) as session:
                tally.sessions += 1
                await _converse(session, chance, ends_at, tally, drop_chance, calls_per_session)
        except (MooringError, OSError, RuntimeError) as error:  # a soak goes on, and tells in the end
            tally.failures.append(repr(error))
            await asyncio.sleep(_PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Session]:
    session = Session(url)
    await session.open()
    try:
        yield session
    finally:
        await session.close()


async def _converse(
    session: Session,
    chance: random.Random,
    ends_at: float,
    tally: Tally,
    drop_chance: float,
    calls_per_session: int,
) -> None:
    await _ask(session, messages.INITIALIZE)
    await session.send(messages.INITIALIZED)
    for _ in range(calls_per_session):
        if monotonic() > ends_at:
            return
        await asyncio.sleep(chance.random() * 2 * _PAUSE_SECONDS)
        if chance.random() < drop_chance:
            session._present().transport.abort()
            tally.drops += 1
        request = messages.fill(_LARGE_BYTES) if chance.random() < _LARGE_CHANCE else messages.echo(100)
        began_at = monotonic()
        await _ask(session, request)
        tally.latencies_seconds.append(monotonic() - began_at)
        tally.calls += 1


async def _ask(session: Session, request: messages.Request) -> None:
    number, frame = request.frame()
    async with asyncio.timeout(_ANSWER_SECONDS):
        await session.send(frame)
        while (answer := messages.decode(await session.receive())).id != number:
            pass
    if answer.error:
        raise RuntimeError(bytes(answer.error).decode())
