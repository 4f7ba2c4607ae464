"""Which worker a session goes to.

Placement reads what workers announce, and asks; the worker alone knows whether it has room, so no counter is
shared and none leaks.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from mooring.errors import LimitReached, WorkerUnavailable
from mooring.limits import Scope, Use
from mooring.workers import Worker, WorkerClient

_RETRY_AFTER_SECONDS = 2
_PRIME = 2**61 - 1  # multiplied by a number modulo a prime, numbers come into an order of its own


def in_order_of_choice(workers: list[Worker], bundle: str, now: float) -> list[Worker]:
    """Return the workers to try for a session of a release, the best one first.

    Rendezvous hashing gives each bundle its own order of workers, so that its sessions meet where it is
    already unpacked; of the first two the emptier one leads, so that a popular server spreads.
    """
    by_id = {worker.worker_id: worker for worker in workers}
    order = _order(bundle, tuple(by_id))
    alive = [worker for worker_id in order if (worker := by_id[worker_id]).takes_sessions(now)]
    first = sorted(alive[:2], key=lambda worker: worker.used / worker.capacity)
    return first + alive[2:]


def reported(workers: list[Worker], principal: str, server: str, now: float) -> dict[Scope, dict[str, Use]]:
    """Return, by worker, what the workers that live report of a principal and of a server."""
    names: dict[Scope, str] = {"principal": principal, "server": server}
    alive = [worker for worker in workers if worker.lease > now]
    return {
        scope: {w.worker_id: use for w in alive if (use := w.uses.get(scope, {}).get(name))}
        for scope, name in names.items()
    }


@lru_cache(maxsize=1024)  # of a pool that changes seldom
def _order(bundle: str, worker_ids: tuple[str, ...]) -> tuple[str, ...]:
    factor = _number(bundle)
    return tuple(sorted(worker_ids, key=lambda worker_id: _number(worker_id) * factor % _PRIME, reverse=True))


@lru_cache(maxsize=8192)  # so 500 workers take 0.1 ms; hashing each with each bundle took half a millisecond
def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=16).digest(), "big") % _PRIME


def _candidates(
    workers: list[Worker], bundle: str, read_again: Callable[[], list[Worker]]
) -> Iterator[Worker]:
    yield from in_order_of_choice(workers, bundle, time.time())
    known = {worker.worker_id for worker in workers}
    others = [worker for worker in read_again() if worker.worker_id not in known]
    yield from in_order_of_choice(others, bundle, time.time())


def place(
    workers: list[Worker],
    bundle: str,
    client: WorkerClient,
    session_id: str,
    order: dict[str, Any],
    *,
    read_again: Callable[[], list[Worker]] = list,
) -> tuple[Worker, bool]:
    """Start a session on the first worker that takes it; return that, and whether the session is new there.

    When none of `workers` does, those that `read_again` has beside them are tried: just started, perhaps in
    the place of one that died.

    Raises:
        WorkerUnavailable: none did; `data` says when to try again.
        LimitReached: of the principal, or of the server: no other worker could take it either.
        InvalidRequest: the launch rule cannot be used, whichever worker is asked.
    """
    for worker in _candidates(workers, bundle, read_again):
        try:
            is_new = client.start(worker.address, session_id, order)
        except LimitReached as error:
            if error.data and "limit" in error.data:
                raise
            continue
        except WorkerUnavailable:
            continue
        return worker, is_new
    raise WorkerUnavailable("no worker has room now; try again", {"retryAfterSeconds": _RETRY_AFTER_SECONDS})
