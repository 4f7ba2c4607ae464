"""`make soak`: a hundred sessions on the local run for half an hour; does its memory stay flat?

Every client makes calls of mixed sizes with pauses, loses its socket now and then and resumes, and after a
while ends its session and begins another. Ends with 0 when no call failed, nothing was left of the sessions,
and no process of Mooring grew by more than `_GROWTH_BYTES` from the second quarter of the time (the first
warms up) to the last.
"""

import argparse
import asyncio
import random
import statistics
import sys
from time import monotonic

import uvloop

from benchmarks import child, mooring_stack, workspace
from benchmarks.processes import Processes, Usage
from benchmarks.talkers import Tally, talk

_SAMPLE_SECONDS = 10.0
_GROWTH_BYTES = 4 * 1024 * 1024
_DROP_CHANCE = 0.005
_LEFT_SECONDS = 30.0
_OF_MOORING = ("gateway", "worker")  # the emulator stands in for AWS


async def soak(clients: int, seconds: float) -> int:
    echo, tally = child.build(), Tally()
    with mooring_stack.temporary_home() as home:
        async with mooring_stack.hosting(home, echo) as (url, processes):
            ends_at = monotonic() + seconds
            sampling = asyncio.create_task(_sample(processes, ends_at))
            async with asyncio.TaskGroup() as group:
                for number in range(clients):
                    group.create_task(
                        talk(url, random.Random(number), ends_at, tally, drop_chance=_DROP_CHANCE)
                    )
            samples = await sampling
            left = await _left(processes)
    return _report(clients, seconds, tally, samples, left)


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
