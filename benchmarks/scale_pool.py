"""A simulated service of ECS with its tasks, and the rows that they write of themselves.

A task beats every two seconds, and at once when it becomes full, has room again, is to leave or is new; a
function looks at rows that it read within the last second. ECS counts every task of the present
version, those that leave included, and stops any of them that has no session: which one, is not said, so here
chance decides.
"""

import random
from dataclasses import dataclass, field, replace

from mooring.workers import Worker

START_SECONDS = (30.0, 60.0)
LEASE_SECONDS = 10.0

_FOREVER = 1e12


@dataclass(slots=True, eq=False)
class Task:
    number: int
    name: str
    version: str
    asked_at: float
    used: int = 0
    is_up: bool = False
    leaves: bool = False
    is_gone: bool = False
    bundles: set[int] = field(default_factory=set)
    """Those that are unpacked there."""


class Service:
    def __init__(self, slots: int, desired: int, chance: random.Random) -> None:
        self.slots = slots
        self.desired = desired
        self.version = "worker:1"
        self.tasks: dict[str, Task] = {}
        self.rows: dict[str, Worker] = {}
        self.seen: list[Worker] = []
        """The rows as functions have them now."""
        self.joined: list[Worker] = []
        """The rows of workers that are not among those."""
        self.task_seconds = 0.0
        self._chance = chance
        self._started = 0
        self._dirty: tuple[set[Task], set[Task]] = (set(), set())
        self._is_stale = False

    def reconcile(self, now: float) -> list[tuple[float, Task]]:
        """Start and stop what ECS would; return when those that were started will be up."""
        current = [task for task in self.tasks.values() if task.version == self.version]
        missing = min(self.desired - len(current), max(0, 2 * self.desired - len(self.tasks)))
        started = [self._start(now) for _ in range(missing)]
        old = [task for task in self.tasks.values() if task.version != self.version]
        healthy = len(old) + sum(task.is_up for task in current)
        self._stop(old, min(len(old), healthy - self.desired), now)
        self._stop(current, len(current) - self.desired, now)
        return started

    def _start(self, now: float) -> tuple[float, Task]:
        self._started += 1
        name = f"{self._chance.getrandbits(128):032x}"  # as the ids of ECS are
        task = self.tasks[name] = Task(self._started, name, self.version, now)
        return now + self._chance.uniform(*START_SECONDS), task

    def _stop(self, tasks: list[Task], count: int, now: float) -> None:
        if count <= 0:
            return
        unprotected = [task for task in tasks if not task.used]
        for task in self._chance.sample(unprotected, min(count, len(unprotected))):
            self.remove(task, now)
            if self.rows.pop(task.name, None):
                self._is_stale = True

    def remove(self, task: Task, now: float) -> None:
        """Have the task be no more; its row is another matter."""
        task.is_gone = True
        del self.tasks[task.name]
        self.task_seconds += now - max(0.0, task.asked_at)

    def lose(self, task: Task, now: float) -> None:
        """Have it die; its row stays until its lease is over."""
        self.remove(task, now)
        self.rows[task.name] = replace(self._row(task), lease=now + LEASE_SECONDS)
        self._is_stale = True

    def forget(self, name: str) -> None:
        if self.rows.pop(name, None):
            self._is_stale = True

    def beat(self, task: Task) -> None:
        """Write the row now."""
        row = self._row(task)
        if task.name not in self.rows:
            self.joined.append(row)
        self.rows[task.name] = row
        self._is_stale = True

    def note(self, task: Task, change: int) -> None:
        """Count a session that began or ended."""
        was_full = task.used >= self.slots
        task.used += change
        if was_full != (task.used >= self.slots):
            self.beat(task)
        else:
            self._dirty[task.number % 2].add(task)

    def second(self, number: int) -> None:
        """Have functions read the rows, then half of the tasks write theirs: they are 3 s old at most."""
        if self._is_stale:
            self.seen = list(self.rows.values())
            self.joined = []
            self._is_stale = False
        due = self._dirty[number % 2]
        for task in sorted(due, key=lambda task: task.number):
            if not task.is_gone:
                self.beat(task)
        due.clear()

    def _row(self, task: Task) -> Worker:
        return Worker(
            task.name, task.name, task.used, self.slots, _FOREVER, task.leaves, "fargate", task.version
        )
