"""The figures of one target in one round."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.child import Child
from benchmarks.messages import Request, echo
from benchmarks.plan import LOADS, ROUND_TRIPS, Load, Plan
from benchmarks.processes import Usage
from benchmarks.session import BenchError, Session
from benchmarks.target import Running, Target

_OPENING_AT_ONCE = 8
_SETTLE_SECONDS = 0.3
_BETWEEN_STARTS_SECONDS = 0.03  # the end of a session is not to be counted in the start of the next
_CLOSE_SECONDS = 10.0
_WARM_UP_CALLS = 100


@dataclass
class Sheet:
    """What was measured, by name of the figure."""

    values: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


async def measure(target: Target, child: Child, plan: Plan) -> Sheet:
    """Start `target`, take all its figures, and end it. What fails is part of the result."""
    sheet = Sheet({"foreign": 0})
    began = perf_counter()
    try:
        async with target.start(child) as running:
            sheet.values["boot_seconds"] = perf_counter() - began
            for name, step in _steps(running, plan):
                await _take(sheet, name, step, plan.step_seconds)
    except* (BenchError, OSError) as failures:
        sheet.errors.append(f"start: {_first_line(failures)}")
    return sheet


Step = Callable[[Sheet], Awaitable[None]]


def _steps(running: Running, plan: Plan) -> Iterable[tuple[str, Step]]:
    yield "memory", lambda sheet: _memory(running, sheet, plan)
    yield "session start", lambda sheet: _session_start(running, sheet, plan)
    for kind, request in ROUND_TRIPS.items():
        yield f"round trip {kind}", lambda sheet: _round_trips(running, sheet, kind, request, plan)  # noqa: B023
    for load in LOADS:
        yield load.name, lambda sheet: _throughput(running, sheet, load, plan.window_seconds)  # noqa: B023


async def _take(sheet: Sheet, name: str, step: Step, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await step(sheet)
    except* TimeoutError:
        sheet.errors.append(f"{name}: no end after {seconds:.0f} s, an answer is missing")
    except* (BenchError, OSError) as failures:
        sheet.errors.append(f"{name}: {_first_line(failures)}")


def _first_line(failures: BaseExceptionGroup[BaseException]) -> str:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return f"{type(failure).__name__} {failure}"[:200]


async def _memory(running: Running, sheet: Sheet, plan: Plan) -> None:
    call = echo(100)
    _note_rss(sheet, "base", running.processes.usage())
    async with _open(running, 1, sheet) as (first,):
        await first.call(call)
        await asyncio.sleep(_SETTLE_SECONDS)
        one = running.processes.usage()
        async with _open(running, plan.sessions - 1, sheet) as others:
            for session in others:
                await session.call(call)
            await asyncio.sleep(_SETTLE_SECONDS)
            many = running.processes.usage()
            sheet.values["children"] = running.processes.count_children()
    _note_rss(sheet, "one", one)
    _note_rss(sheet, "many", many)
    for role in many.keys() & one.keys():
        grown = many[role].rss_bytes - one[role].rss_bytes
        sheet.values[f"session_kib.{role}"] = grown / 1024 / (plan.sessions - 1)
    if many:
        sheet.values["session_kib"] = sum(sheet.values[f"session_kib.{role}"] for role in many)


def _note_rss(sheet: Sheet, when: str, usage: dict[str, Usage]) -> None:
    if not usage:
        return  # raw stdio: there is nothing but children
    for role, used in usage.items():
        sheet.values[f"rss_mib.{when}.{role}"] = used.rss_bytes / 2**20
    sheet.values[f"rss_mib.{when}"] = sum(used.rss_bytes for used in usage.values()) / 2**20


async def _session_start(running: Running, sheet: Sheet, plan: Plan) -> None:
    took: list[float] = []
    for _ in range(plan.starts):
        session = running.session()
        began = perf_counter()
        await session.open()
        took.append((perf_counter() - began) * 1e3)
        await session.acknowledge()
        await session.close()
        await asyncio.sleep(_BETWEEN_STARTS_SECONDS)
    _note_percentiles(sheet, "start_ms", took, (50, 95))


async def _round_trips(running: Running, sheet: Sheet, kind: str, request: Request, plan: Plan) -> None:
    took: list[float] = []
    async with _open(running, 1, sheet) as (session,):
        for _ in range(_WARM_UP_CALLS):
            await session.call(request)
        deadline = perf_counter() + plan.window_seconds
        while len(took) < plan.rtt_calls and (ended := perf_counter()) < deadline:
            await session.call(request)
            took.append((perf_counter() - ended) * 1e6)
    _note_percentiles(sheet, f"rtt_us.{kind}", took, (50, 95, 99))


async def _throughput(running: Running, sheet: Sheet, load: Load, seconds: float) -> None:
    request = echo(load.size_bytes)
    calls = itertools.count()

    async def pump(session: Session, deadline: float) -> None:
        while perf_counter() < deadline:
            await session.call(request)
            next(calls)

    async with _open(running, load.sessions, sheet) as sessions:
        await asyncio.gather(*(session.call(request) for session in sessions))
        before, client_before, began = running.processes.usage(), time.process_time(), perf_counter()
        async with asyncio.TaskGroup() as pumps:
            for session in sessions:
                for _ in range(load.in_flight):
                    pumps.create_task(pump(session, began + seconds))
        elapsed, client = perf_counter() - began, time.process_time() - client_before
        after, done = running.processes.usage(), next(calls)
    sheet.values[f"calls_per_second.{load.name}"] = done / elapsed
    sheet.values[f"client_cpu_share.{load.name}"] = client / elapsed
    used = {
        role: usage.cpu_seconds - before[role].cpu_seconds for role, usage in after.items() if role in before
    }
    for role, cpu_seconds in used.items():
        sheet.values[f"cpu_per_10k.{load.name}.{role}"] = cpu_seconds / done * 1e4
    if used:
        sheet.values[f"cpu_per_10k.{load.name}"] = sum(used.values()) / done * 1e4


@contextlib.asynccontextmanager
async def _open(running: Running, count: int, sheet: Sheet) -> AsyncIterator[list[Session]]:
    """Open `count` sessions, in the end close them and count what reached them by mistake."""
    sessions = [running.session() for _ in range(count)]
    gate = asyncio.Semaphore(_OPENING_AT_ONCE)

    async def open_one(session: Session) -> None:
        async with gate:
            await session.open()
            await session.acknowledge()

    try:
        async with asyncio.TaskGroup() as opening:
            for session in sessions:
                opening.create_task(open_one(session))
        yield sessions
    finally:
        sheet.values["foreign"] += sum(session.foreign_answers for session in sessions)
        async with asyncio.timeout(_CLOSE_SECONDS):
            await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)


def _note_percentiles(sheet: Sheet, name: str, values: Sequence[float], ranks: tuple[int, ...]) -> None:
    ordered = sorted(values)
    for rank in ranks:
        sheet.values[f"{name}.p{rank}"] = ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]
