"""The rule by which the pool grows and shrinks."""

from dataclasses import replace

import pytest

from mooring.scaling import (
    CALM_SECONDS,
    FRESH_SECONDS,
    QUIET_SECONDS,
    Limits,
    Scaler,
    of_another_version,
)
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
    assert [worker.worker_id for worker in decision.leaving] == ["w2", "w0"]  # the emptiest
    assert (
        decision.wanted == 2
    )  # ECS counts the one that has a session still, and stops another that has none
    w0, w1, _ = three
    assert scaler.decide([replace(w0, draining=True), w1], 2, CALM_SECONDS + 5).wanted == 2
    assert scaler.decide([replace(w0, draining=True, used=0), w1], 2, CALM_SECONDS + 10).wanted == 1


def test_a_moment_of_need_begins_the_wait_anew() -> None:
    scaler = Scaler(LIMITS)
    scaler.decide(workers(0, 0), 2, 0.0)
    scaler.decide(workers(15, 0), 2, 100.0)
    assert scaler.decide(workers(0, 0), 2, CALM_SECONDS).wanted == 2


def test_it_shrinks_to_what_was_needed_at_once_within_the_wait_not_to_a_moment_s_need() -> None:
    scaler = Scaler(LIMITS)
    four = workers(15, 15, 15, 0)  # needs three
    assert scaler.decide(four, 4, 0.0).wanted == 4
    scaler.decide(four, 4, 100.0)
    assert scaler.decide(workers(1, 0, 0, 0), 4, CALM_SECONDS).wanted == 3
    assert scaler.decide(workers(1, 0, 0), 3, CALM_SECONDS + 5).wanted == 3
    assert len(scaler.decide(workers(1, 0, 0), 3, CALM_SECONDS + 100).leaving) == 2


def test_while_the_load_falls_it_shrinks_steadily() -> None:
    scaler, leaving = Scaler(Limits(1, 50, 0, 20)), []
    for used in range(20, 1, -1):
        pool = workers(*[used] * 10)
        leaving.append(len(scaler.decide(pool, 10, (20 - used) * CALM_SECONDS / 5).leaving))
    assert leaving == sorted(leaving)
    assert leaving[5] == 0 and leaving[-1] > leaving[12] > 0


def test_the_spare_places_grow_with_the_root_of_the_sessions() -> None:
    """400 sessions come and go by chance; ten free places would be gone before a task has started."""
    assert Scaler(Limits(1, 100, 10, 20)).decide(workers(*[20] * 20), 20, 0.0).wanted == 22
    assert Scaler(Limits(1, 100, 100, 20)).decide(workers(*[20] * 20), 20, 0.0).wanted == 25


def test_workers_that_are_dead_count_for_nothing() -> None:
    assert Scaler(LIMITS).decide(workers(20, 20, lease=5.0), 1, 10.0).wanted == 1


def test_tasks_that_leave_with_sessions_are_wanted_beside_the_others() -> None:
    """ECS counts them: it would start none in place of them."""
    leaving = workers(20, 20, draining=True)
    assert Scaler(LIMITS).decide(leaving, 2, 10.0).wanted == 3
    assert Scaler(LIMITS).decide(leaving, 3, 10.0).wanted == 3  # the third is starting
    many = workers(*[20] * 10, draining=True)
    assert Scaler(LIMITS).decide(many, 10, 10.0, demand_at=10.0).wanted == LIMITS.maximum


def test_tasks_of_an_old_version_that_leave_are_not_wanted() -> None:
    """A deployment of ECS counts its own."""
    old = workers(20, 20, draining=True)
    new = [replace(worker, draining=False, used=0, version="w:2") for worker in old[:1]]
    assert Scaler(LIMITS).decide([*old, *new], 1, 10.0, version="w:2").wanted == 1


def test_an_emptied_task_is_given_back_only_once_those_that_stay_are_there() -> None:
    """ECS stops whichever it likes, and that would be the one that is starting."""
    emptied, stays = replace(workers(0)[0], worker_id="e", draining=True), workers(5)[0]
    scaler = Scaler(Limits(2, 10, 0, 20))
    assert scaler.decide([emptied, stays], 3, 0.0).wanted == 3  # one is starting
    came = replace(stays, worker_id="new", used=0)
    assert scaler.decide([emptied, stays, came], 3, 5.0).wanted == 2


def test_on_a_deployment_one_leaves_for_each_that_came() -> None:
    old = workers(3, 1, 2, 5)
    new = [replace(worker, worker_id=f"n{worker.worker_id}", version="w:2", used=0) for worker in old]

    def leaving(new_ones: int) -> list[str]:
        return [w.worker_id for w in of_another_version([*old, *new[:new_ones]], "w:2", 4, 0.0)]

    assert leaving(0) == []
    assert leaving(1) == ["w1"]
    assert leaving(3) == ["w1", "w2", "w0"]
    assert leaving(4) == ["w1", "w2", "w0", "w3"]


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
