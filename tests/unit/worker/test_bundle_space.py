"""How much of its disk a worker gives to bundles."""

import os
from pathlib import Path

from tests.unit.worker.edge import Edge
from tests.unit.worker.fetched import (
    NOISE,
    ended,
    kept,
    order,
    published,
    until_running,
)
from tests.unit.worker.harness import Start
from tests.unit.worker.store import Store


async def test_bundles_that_nobody_uses_go_when_there_is_no_room_the_least_recently_used_first(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(bundles_bytes=3 * NOISE)
    digests = [published(store, tmp_path / f"made{n}", noise=os.urandom(NOISE)) for n in range(3)]
    for digest in (digests[0], digests[1], digests[0]):
        await order(worker, store, digest)
        await until_running(worker)
        await ended(worker)

    await order(worker, store, digests[2])
    await until_running(worker)

    assert kept(tmp_path) == {digests[0], digests[2]}


async def test_a_bundle_that_a_session_uses_stays_and_the_one_that_has_no_room_is_told_so(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(bundles_bytes=2 * NOISE)
    digests = [published(store, tmp_path / f"made{n}", noise=os.urandom(NOISE)) for n in range(2)]
    await order(worker, store, digests[0])
    await until_running(worker)

    await order(worker, store, digests[1], "s2", connection="c2")
    await worker.post({"id": 2, "method": "ping"}, "s2")

    assert (await edge.answer_to(2, "c2"))["error"]["code"] == -32014
    assert kept(tmp_path) == {digests[0]}
    await worker.post({"id": 3, "method": "ping"})
    assert "result" in await edge.answer_to(3)


async def test_a_worker_that_starts_again_knows_what_it_fetched_and_removes_nothing_else(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "bundles" / ("0" * 64)).mkdir(parents=True)  # built here
    first = await start()
    old = published(store, tmp_path / "made", noise=os.urandom(NOISE))
    await order(first, store, old)
    await until_running(first)
    await ended(first)

    again = await start(bundles_bytes=2 * NOISE)
    new = published(store, tmp_path / "made2", noise=os.urandom(NOISE))
    await order(again, store, new)
    await until_running(again)

    assert kept(tmp_path) == {"0" * 64, new}


async def test_a_bundle_in_use_stays_though_it_is_the_one_used_least_recently(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(bundles_bytes=3 * NOISE)
    digests = [published(store, tmp_path / f"made{n}", noise=os.urandom(NOISE)) for n in range(3)]
    await order(worker, store, digests[0], "in-use")
    await until_running(worker, "in-use")
    for digest in digests[1:]:
        await order(worker, store, digest)
        await until_running(worker)
        await ended(worker)

    assert kept(tmp_path) == {digests[0], digests[2]}
