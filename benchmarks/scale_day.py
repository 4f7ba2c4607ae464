"""A day of sessions, event by event, against the placement and the rule of scaling that Mooring runs with.

What is simulated is what surrounds them: clients, tasks and rows. Not simulated: the functions' and the
network's own times, limits of principals, uneven machines, that a bundle which is being fetched is waited
for by the next session too, and that a task of an old version ends its last sessions after an hour.
"""

import heapq
import random
import statistics
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import scale_rules
from benchmarks.scale_load import DAY_SECONDS, WARM_UP_SECONDS, Load
from benchmarks.scale_pool import LEASE_SECONDS, Service, Task
from mooring import placement, scaling
from mooring.scaling import Limits
from mooring.workers import Worker

WARM_SECONDS, COLD_SECONDS = 0.3, 3.0

_PAUSES_SECONDS = (2.0, 4.0, 8.0, 16.0, 30.0)  # of a client that is refused; then it gives up
_LOOK_SECONDS = 5.0
_SAMPLE_SECONDS = 60.0
_LOSSES = 5
_DEPLOYMENTS = 2


@dataclass(slots=True, eq=False)
class Client:
    bundle: int
    stays: float
    asked_at: float
    is_counted: bool
    refusals: int = 0


@dataclass
class Tally:
    refused_for_good: int = 0
    retries: int = 0
    full: int = 0
    """Answers 429 of workers."""
    cold: int = 0
    lost: int = 0
    """Sessions of workers that died."""
    delays: "array[float]" = field(default_factory=lambda: array("d"))
    tasks: list[int] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)
    """Standard deviations, between tasks, of used by capacity; one a minute."""
    task_hours: float = 0.0


class Day:
    def __init__(
        self,
        load: Load,
        limits: Limits,
        seed: int,
        rule: Callable[[Limits], scale_rules.Rule] = scale_rules.ours,
    ) -> None:
        self._load = load
        self._limits = limits
        self._rule = rule(limits)
        self._chance = random.Random(seed)
        first = (load.expected_at_first + limits.spare_slots) / limits.task_slots + 1
        desired = min(limits.maximum, max(limits.minimum, int(first)))
        self._service = Service(limits.task_slots, desired, self._chance)
        self._events: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = 0
        self._demand_at = float("-inf")
        self._living: dict[Task, dict[Client, float]] = {}
        """The sessions of each task that is up, and until when they last."""
        self.tally = Tally()

    def play(self) -> Tally:
        """Play the day; once only."""
        begin = -float(WARM_UP_SECONDS)
        for _, task in self._service.reconcile(begin):
            self._up(begin, task)
        self._at(begin, self._second, int(begin))
        self._at(begin, self._look)
        self._at(0.0, self._sample)
        for _ in range(_LOSSES):
            self._at(self._chance.uniform(0, DAY_SECONDS), self._lose)
        for number in range(_DEPLOYMENTS):
            self._at(self._chance.uniform(0, DAY_SECONDS), self._deploy, f"worker:{number + 2}")
        self._run()
        service = self._service
        rest = sum(DAY_SECONDS - max(0.0, task.asked_at) for task in service.tasks.values())
        self.tally.task_hours = (service.task_seconds + rest) / 3600
        return self.tally

    def _at(self, when: float, what: Callable[..., None], *arguments: object) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what, arguments))

    def _run(self) -> None:
        load, events = self._load, self._events
        for at, bundle, stays in zip(load.at, load.bundle, load.stays, strict=True):
            while events[0][0] <= at:
                when, _, what, arguments = heapq.heappop(events)
                what(when, *arguments)
            self._come(at, Client(bundle, stays, at, at >= 0))
        while events and events[0][0] < DAY_SECONDS + 120:  # for those who wait still
            when, _, what, arguments = heapq.heappop(events)
            what(when, *arguments)

    def _come(self, now: float, client: Client) -> None:
        service, tally, bundle = self._service, self.tally, client.bundle
        name = f"bundle-{bundle}"
        choice = placement.in_order_of_choice(service.seen, name, now)
        if not self._try(now, client, choice) and not (
            service.joined
            and self._try(now, client, placement.in_order_of_choice(service.joined, name, now))
        ):  # fmt: skip
            self._demand_at = now
            if client.refusals == len(_PAUSES_SECONDS):
                tally.refused_for_good += client.is_counted
                return
            tally.retries += client.is_counted
            self._at(now + _PAUSES_SECONDS[client.refusals], self._come, client)
            client.refusals += 1

    def _try(self, now: float, client: Client, choice: list[Worker]) -> bool:
        service, tally = self._service, self.tally
        for worker in choice:
            task = service.tasks.get(worker.worker_id)
            if task is None:
                continue  # it is dead
            if task.leaves or task.used >= service.slots:
                tally.full += client.is_counted
                continue
            is_cold = client.bundle not in task.bundles
            task.bundles.add(client.bundle)
            service.note(task, 1)
            self._living[task][client] = now + client.stays
            self._at(now + client.stays, self._end, task, client)
            if client.is_counted:
                tally.cold += is_cold
                tally.delays.append(now - client.asked_at + (COLD_SECONDS if is_cold else WARM_SECONDS))
            return True
        return False

    def _end(self, now: float, task: Task, client: Client) -> None:
        if not task.is_gone:
            del self._living[task][client]
            self._service.note(task, -1)

    def _up(self, now: float, task: Task) -> None:
        if not task.is_gone:
            task.is_up = True
            self._living[task] = {}
            self._service.beat(task)

    def _second(self, now: float, number: int) -> None:
        self._service.second(number)
        if now < DAY_SECONDS + 120:
            self._at(now + 1, self._second, number + 1)

    def _look(self, now: float) -> None:
        service = self._service
        rows = list(service.rows.values())
        decision = self._rule.decide(
            rows, service.desired, now, demand_at=self._demand_at, version=service.version
        )
        old = scaling.of_another_version(rows, service.version, service.desired, now)
        for row in (*decision.leaving, *old):
            task = service.tasks.get(row.worker_id)
            if task and not task.leaves:
                task.leaves = True
                service.beat(task)
        service.desired = decision.wanted
        for when, task in service.reconcile(now):
            self._at(when, self._up, task)
        for task in [task for task in self._living if task.is_gone]:
            del self._living[task]
        self._at(now + _LOOK_SECONDS, self._look)

    def _lose(self, now: float) -> None:
        up = [task for task in self._living if not task.is_gone]
        if not up:
            return
        task = self._chance.choice(up)
        self._service.lose(task, now)
        self._at(now + LEASE_SECONDS, lambda _, name: self._service.forget(name), task.name)
        for client, until in self._living.pop(task).items():
            self.tally.lost += 1
            self._at(now, self._come, Client(client.bundle, until - now, now, False))

    def _deploy(self, now: float, version: str) -> None:
        self._service.version = version

    def _sample(self, now: float) -> None:
        tasks = self._service.tasks.values()
        self.tally.tasks.append(len(tasks))
        shares = [task.used / self._service.slots for task in tasks if task.is_up and not task.leaves]
        if shares:
            self.tally.spreads.append(statistics.pstdev(shares))
        if now + _SAMPLE_SECONDS < DAY_SECONDS:
            self._at(now + _SAMPLE_SECONDS, self._sample)
