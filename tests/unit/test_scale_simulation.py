"""The simulation of a day: small days, which take seconds."""

import random
from functools import cache

import pytest

from benchmarks import scale, scale_load, scale_rules
from benchmarks.scale_day import COLD_SECONDS, WARM_SECONDS, Day, Tally
from benchmarks.scale_pool import Service
from mooring import placement
from mooring.scaling import Decision, Limits, Scaler
from mooring.workers import Worker

SESSIONS = 4_000
LOAD = scale_load.make(SESSIONS, 1)


def play(seed: int = 1, *, minimum: int = 1, maximum: int = 500, spare: int = 10) -> Tally:
    return Day(LOAD, Limits(minimum, maximum, spare, 20), seed).play()


@cache
def usual_day() -> Tally:
    return play()


def test_a_seed_gives_one_day() -> None:
    assert scale_load.make(100, 7) == scale_load.make(100, 7)
    assert scale_load.make(100, 7) != scale_load.make(100, 8)
    assert play() == usual_day()
    assert play(seed=2) != usual_day()


def test_a_day_has_its_sessions_in_order_with_bursts_and_favourites() -> None:
    day = [at for at in LOAD.at if at >= 0]
    assert len(day) == SESSIONS and LOAD.at == sorted(LOAD.at)
    assert len(LOAD.bundle) == len(LOAD.stays) == len(LOAD.at)
    first = LOAD.bundle.count(0)
    assert first > 1.5 * LOAD.bundle.count(1) > 0
    assert sum(12 <= at / 3600 < 18 for at in day) > 2 * sum(at / 3600 < 6 for at in day)


def test_in_a_large_pool_nobody_is_refused_and_nobody_waits() -> None:
    tally = play(minimum=40, spare=400)
    assert (tally.refused_for_good, tally.retries) == (0, 0)
    assert len(tally.delays) == SESSIONS
    assert set(tally.delays) == {WARM_SECONDS, COLD_SECONDS}


def test_in_a_pool_that_may_not_grow_refusals_are_counted() -> None:
    tally = play(maximum=1)
    assert tally.refused_for_good > 0 and tally.retries > tally.refused_for_good
    assert len(tally.delays) + tally.refused_for_good == SESSIONS
    assert max(tally.tasks) <= 2  # two during a deployment, as ECS has it


def test_it_is_the_placement_of_mooring_that_places(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = usual_day()

    def fullest_first(rows: list[Worker], bundle: str, now: float) -> list[Worker]:
        return sorted((row for row in rows if row.takes_sessions(now)), key=lambda row: -row.used)

    monkeypatch.setattr(placement, "in_order_of_choice", fullest_first)
    assert play().full != usual.full


def test_it_is_the_rule_of_mooring_that_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    def thirty(self: Scaler, *seen: object, **more: object) -> Decision:
        return Decision(30)

    monkeypatch.setattr(Scaler, "decide", thirty)
    assert min(play().tasks[5:]) == 30


def test_workers_that_die_take_their_sessions_along_and_the_day_goes_on() -> None:
    tally = usual_day()
    assert tally.lost > 0 and min(tally.tasks) >= 1


def test_target_tracking_grows_in_minutes_and_shrinks_in_a_quarter_of_an_hour() -> None:
    rule = scale_rules.TargetTracking(Limits(1, 10, 0, 20))

    def wanted(minute: int, *used: int) -> int:
        rows = [Worker(f"w{n}", "", count, 20, 1e12, False) for n, count in enumerate(used)]
        return rule.decide(rows, len(used), minute * 60.0, demand_at=0.0, version="").wanted

    assert [wanted(minute, 20, 20) for minute in range(2)] == [2, 3]
    assert [wanted(minute, 2, 2, 2) for minute in range(2, 17)] == [3] * 14 + [1]


def test_a_service_counts_what_leaves_and_never_stops_a_task_with_sessions() -> None:
    service = Service(20, 3, random.Random(1))
    for _, task in service.reconcile(0.0):
        service.beat(task)
    first, *others = service.tasks.values()
    first.leaves = True
    service.note(first, 1)
    assert service.reconcile(1.0) == []
    service.desired = 1
    service.reconcile(2.0)
    assert list(service.tasks.values()) == [first] and all(task.is_gone for task in others)


def test_a_line_of_the_table_has_a_price() -> None:
    assert round(scale.USD_PER_TASK_HOUR, 5) == 0.02831
    tally = usual_day()
    line = scale.row("ours", Limits(1, 500, 10, 20), tally)
    assert f"| {tally.task_hours * scale.USD_PER_TASK_HOUR:,.2f} |" in line
