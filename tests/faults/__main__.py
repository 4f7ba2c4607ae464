"""`make faults`: two hundred sessions on a platform that is hurt at random, with clients that count.

`SEED=` repeats a run as far as chance decides it; the machine's own timing is not repeated. Ends with 0 when
nothing was lost, doubled, hung or left behind. Loopback only, under five minutes.
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from tests.faults.counting_client import Count, CountingClient
from tests.faults.platform import Platform

WORKERS = 2
RUN_SECONDS = 240.0
_SECONDS_BETWEEN_DROPS = 12.0  # of one session, at most
SETTLE_SECONDS = 40.0  # the resume window of clients that have left, and the ladder


async def run(seed: int, sessions: int, calls: int) -> int:
    home = Path(tempfile.mkdtemp(prefix="mooring-faults-"))
    platform = Platform(home, WORKERS, seed)
    await platform.start()
    try:
        failed = await _hurt(platform, seed, sessions, calls)
    finally:
        await platform.stop()
    if failed:
        print(f"the logs of the workers are in {home}")
    else:
        shutil.rmtree(home)
    return failed


async def _hurt(platform: Platform, seed: int, sessions: int, calls: int) -> int:
    chance = random.Random(seed)
    clients = [
        CountingClient(f"client {n}", platform.url, calls, random.Random(chance.random()))
        for n in range(sessions)
    ]
    began_at = time.monotonic()
    mischief = asyncio.create_task(_mischief(platform, sessions))
    reaping = asyncio.create_task(_reaping(platform))
    running = [asyncio.create_task(client.run()) for client in clients]
    done, late = await asyncio.wait(running, timeout=RUN_SECONDS)
    mischief.cancel()
    await asyncio.wait([mischief])
    for task in late:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    total = Count()
    for client in clients:
        total.add(client.count)
    total.hung += [f"client {running.index(task)} never ended" for task in late]
    left = await _settle(platform)
    reaping.cancel()
    await asyncio.wait([reaping])
    ended = [task for task in (*done, mischief, reaping) if not task.cancelled()]
    failures = [repr(task.exception()) for task in ended if task.exception()]
    _report(total, failures, left, time.monotonic() - began_at)
    return int(bool(total.lost or total.doubled or total.hung or failures or left))


async def _mischief(platform: Platform, sessions: int) -> None:
    chance = platform.chance
    next_restart, next_kill = 2.0, 4.0
    began_at = time.monotonic()
    while True:
        await asyncio.sleep(chance.random() * _SECONDS_BETWEEN_DROPS / sessions)
        platform.drop_a_socket()
        if chance.random() < 0.05:
            platform.kill_a_child()
        elapsed = time.monotonic() - began_at
        if elapsed > next_restart:
            next_restart = elapsed + 12.0
            await platform.restart_gateway()
        if elapsed > next_kill:
            next_kill = elapsed + 15.0
            await platform.kill_worker(chance.randrange(WORKERS))


async def _reaping(platform: Platform) -> None:
    while True:
        await asyncio.sleep(1.0)
        await platform.reap()


async def _settle(platform: Platform) -> object:
    left: object = None
    ends_at = time.monotonic() + SETTLE_SECONDS
    while (left := await asyncio.to_thread(platform.leftovers)) and time.monotonic() < ends_at:
        await asyncio.sleep(0.2)
    return left


def _report(total: Count, failures: list[str], left: object, seconds: float) -> None:
    print(f"{total.calls} calls in {total.sessions} sessions, {seconds:.0f} s")
    print(f"told of a killed child or worker: {total.told.total()}")
    for answer, times in total.told.most_common():
        print(f"  {times} x {answer}")
    for what, found in (
        ("lost", total.lost),
        ("doubled", total.doubled),
        ("hung", total.hung),
        ("failed", failures),
    ):
        print(f"{what}: {len(found)} {found[:5] if found else ''}")
    print(f"left behind: {str(left)[:500] if left else 0}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--calls", type=int, default=40, help="of each client")
    options = parser.parse_args()
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"SEED={seed}", flush=True)
    return uvloop.run(run(seed, options.sessions, options.calls))


if __name__ == "__main__":
    sys.exit(main())
