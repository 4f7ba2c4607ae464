"""The rule by which the pool grows and shrinks."""

import pytest

from mooring.scaling import CALM_SECONDS, FRESH_SECONDS, QUIET_SECONDS, Limits, Scaler
from mooring.workers import Worker

LIMITS = Limits(minimum=1, maximum=10, spare_slots=10, task_slots=20)


def workers(*used: int, draining: bool = False, lease: float = 1e12) -> list[Worker]:
    return [
        Worker(f"w{n}", f"http://w{n}", count, 20, lease, draining, engine="fargate")
        for n, count in enumerate(used)
    ]


def test_an_idle_pool_has_its_minimum() -> None:
    assert Scaler(LIMITS).decide(workers(0), 1, 0.0).wanted == 1


def test_the_pool_grows_before_it_is_full() -> None:
    assert Scaler(LIMITS).decide(workers(11), 1, 0.0).wanted == 2


def test_tasks_that_are_starting_count() -> None:
    assert Scaler(LIMITS).decide(workers(15), 2, 0.0).wanted == 2


def test_the_pool_grows_no_further_than_it_may() -> None:
    assert Scaler(LIMITS).decide(workers(*[20] * 10), 10, 0.0, demand_at=0.0).wanted == 10


def test_while_somebody_is_refused_it_grows_by_half() -> None:
    full = workers(20, 20, 20, 20)
    assert Scaler(LIMITS).decide(full, 4, 100.0).wanted == 5
    assert Scaler(LIMITS).decide(full, 4, 100.0, demand_at=99.0).wanted == 7
    assert Scaler(LIMITS).decide(full, 4, 100.0, demand_at=100.0 - FRESH_SECONDS).wanted == 5


def test_it_shrinks_only_when_fewer_would_have_done_for_a_while() -> None:
    scaler, three = Scaler(LIMITS), workers(1, 2, 0)
    assert scaler.decide(three, 3, 0.0).wanted == 3
    assert scaler.decide(three, 3, CALM_SECONDS - 1).wanted == 3
    decision = scaler.decide(three, 3, CALM_SECONDS)
    assert decision.wanted == 1
    assert [worker.worker_id for worker in decision.leaving] == ["w2", "w0"]  # the emptiest


def test_a_moment_of_need_begins_the_wait_anew() -> None:
    scaler = Scaler(LIMITS)
    scaler.decide(workers(0, 0), 2, 0.0)
    scaler.decide(workers(15, 0), 2, 100.0)
    assert scaler.decide(workers(0, 0), 2, CALM_SECONDS).wanted == 2


def test_workers_that_leave_or_are_dead_count_for_nothing() -> None:
    leaving = workers(20, 20, draining=True)
    dead = workers(20, 20, lease=5.0)
    assert Scaler(LIMITS).decide(leaving, 1, 10.0).wanted == 1
    assert Scaler(LIMITS).decide(dead, 1, 10.0).wanted == 1


@pytest.mark.parametrize("spare", [0, 30])
def test_a_pool_that_may_be_empty_is_empty_after_a_quiet_time_and_comes_back_on_demand(spare: int) -> None:
    scaler = Scaler(Limits(0, 10, spare, 20))
    scaler.decide(workers(1), 1, 0.0)
    for now in (1.0, QUIET_SECONDS + 1):
        decision = scaler.decide(workers(0), 1, now)
    assert scaler.decide(workers(0), 1, QUIET_SECONDS + CALM_SECONDS + 2).wanted == 0 or decision.wanted == 0
    now = 10_000.0
    assert scaler.decide([], 0, now).wanted == 0
    assert scaler.decide([], 0, now, demand_at=now).wanted >= 1
