"""`make soak`: a hundred sessions on the local run for half an hour; does its memory stay flat?

Every client makes calls of mixed sizes with pauses, loses its socket now and then and resumes, and after a
while ends its session and begins another. Ends with 0 when no call failed, nothing was left of the sessions,
and no process of Mooring grew by more than `_GROWTH_BYTES` from the second quarter of the time (the first
warms up) to the last.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic

import uvloop

from benchmarks import child, messages, mooring_stack, workspace
from benchmarks.processes import Processes, Usage
from mooring.client.session import Session
from mooring.errors import MooringError

_SAMPLE_SECONDS = 10.0
_GROWTH_BYTES = 4 * 1024 * 1024
_CALLS_PER_SESSION = 200
_PAUSE_SECONDS = 1.0
_DROP_CHANCE = 0.005
_ANSWER_SECONDS = 30.0
_LEFT_SECONDS = 30.0
_OF_MOORING = ("gateway", "worker")  # the emulator stands in for AWS


@dataclass
class Tally:
    calls: int = 0
    sessions: int = 0
    drops: int = 0
    failures: list[str] = field(default_factory=list)


async def soak(clients: int, seconds: float) -> int:
    echo, tally = child.build(), Tally()
    with mooring_stack.temporary_home() as home:
        async with mooring_stack.hosting(home, echo) as (url, processes):
            ends_at = monotonic() + seconds
            sampling = asyncio.create_task(_sample(processes, ends_at))
            async with asyncio.TaskGroup() as group:
                for number in range(clients):
                    group.create_task(_client(url, random.Random(number), ends_at, tally))
            samples = await sampling
            left = await _left(processes)
    return _report(clients, seconds, tally, samples, left)


async def _client(url: str, chance: random.Random, ends_at: float, tally: Tally) -> None:
    await asyncio.sleep(chance.random() * _PAUSE_SECONDS * 5)  # not all in one moment
    while monotonic() < ends_at:
        try:
            async with _opened(url) as session:
                tally.sessions += 1
                await _converse(session, chance, ends_at, tally)
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


async def _converse(session: Session, chance: random.Random, ends_at: float, tally: Tally) -> None:
    await _ask(session, messages.INITIALIZE)
    await session.send(messages.INITIALIZED)
    for _ in range(_CALLS_PER_SESSION):
        if monotonic() > ends_at:
            return
        await asyncio.sleep(chance.random() * 2 * _PAUSE_SECONDS)
        if chance.random() < _DROP_CHANCE:
            session._present().transport.abort()
            tally.drops += 1
        request = messages.fill(60_000) if chance.random() < 0.05 else messages.echo(100)
        await _ask(session, request)
        tally.calls += 1


async def _ask(session: Session, request: messages.Request) -> None:
    number, frame = request.frame()
    async with asyncio.timeout(_ANSWER_SECONDS):
        await session.send(frame)
        while (answer := messages.decode(await session.receive())).id != number:
            pass
    if answer.error:
        raise RuntimeError(bytes(answer.error).decode())


async def _sample(processes: Processes, ends_at: float) -> list[dict[str, Usage]]:
    samples = []
    while monotonic() < ends_at:
        await asyncio.sleep(_SAMPLE_SECONDS)
        samples.append(await asyncio.to_thread(processes.usage))
    return samples


async def _left(processes: Processes) -> int:
    ends_at = monotonic() + _LEFT_SECONDS
    while (left := await asyncio.to_thread(processes.count_children)) and monotonic() < ends_at:
        await asyncio.sleep(0.5)
    return left


def _report(clients: int, seconds: float, tally: Tally, samples: list[dict[str, Usage]], left: int) -> int:
    print(
        f"{clients} clients, {seconds / 60:g} minutes: {tally.calls} calls in {tally.sessions} sessions, "
        f"{tally.drops} sockets dropped, {len(tally.failures)} failures, {left} children left"
    )
    for failure in tally.failures[:5]:
        print(f"  {failure}")
    print("\n| process | MiB, 2nd quarter | 3rd | 4th | most | CPU seconds |\n|---|---|---|---|---|---|")
    grew = False
    for role in samples[-1]:
        sizes = [sample[role].rss_bytes for sample in samples if role in sample]
        quarters = [sizes[len(sizes) * n // 4 : len(sizes) * (n + 1) // 4] for n in range(1, 4)]
        medians = [statistics.median(quarter or sizes) for quarter in quarters]
        grew |= role in _OF_MOORING and medians[-1] - medians[0] > _GROWTH_BYTES
        shown = " | ".join(f"{size / 2**20:.1f}" for size in (*medians, max(sizes)))
        print(f"| {role} | {shown} | {samples[-1][role].cpu_seconds:.0f} |")
    return int(bool(tally.failures or left or grew))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    workspace.prepare()
    return uvloop.run(soak(options.clients, options.minutes * 60))


if __name__ == "__main__":
    sys.exit(main())
