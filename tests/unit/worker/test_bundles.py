"""Bundles that a worker fetches: once, whole, bounded, and without holding up anybody else."""

import asyncio
import json
from pathlib import Path

from mooring import trees
from tests.unit.worker.edge import Edge
from tests.unit.worker.fetched import (
    order,
    published,
    unfinished,
    until_running,
)
from tests.unit.worker.harness import Start
from tests.unit.worker.store import Store


async def test_a_bundle_that_is_not_here_is_fetched_and_nobody_can_change_it(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")

    assert (await order(worker, store, digest)).status == 201
    await worker.call("echo", 1, text="hello")

    assert "hello" in json.dumps(await edge.answer_to(1))
    bundle = tmp_path / "bundles" / digest
    assert trees.digest(bundle) == digest
    assert {path.lstat().st_mode & 0o777 for path in (bundle, bundle / "echo.py")} == {0o555, 0o444}
    assert (bundle.parent.stat().st_mode & 0o755) == 0o755
    assert not unfinished(tmp_path)


async def test_its_python_is_compiled_for_where_it_is(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")

    await order(worker, store, digest)
    await until_running(worker)

    (compiled,) = (tmp_path / "bundles" / digest / "__pycache__").glob("echo.*.pyc")
    assert f"bundles/{digest}/echo.py".encode() in compiled.read_bytes()


async def test_frames_wait_for_the_bundle_and_are_answered_in_their_order(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.is_open.clear()

    async with asyncio.timeout(5):  # the answer does not wait for the bundle
        assert (await order(worker, store, digest)).status == 201
    for id_ in range(5):
        assert (await worker.call("echo", id_, text=f"frame {id_}")).status == 202
    assert (await worker.session())["state"] == "starting"
    assert (await worker.session())["inFlight"] == 5
    store.is_open.set()

    await edge.answer_to(4)
    assert [message["id"] for message in edge.messages() if "id" in message] == [0, 1, 2, 3, 4]


async def test_what_waits_for_a_bundle_is_bounded_as_what_waits_for_a_child(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(buffer_bytes=2000)
    digest = published(store, tmp_path / "made")
    store.is_open.clear()
    await order(worker, store, digest)

    assert (await worker.call("echo", 1, text="x" * 1500)).status == 202
    assert (await worker.call("echo", 2, text="x" * 1500)).status == 429


async def test_other_sessions_go_on_while_a_bundle_is_fetched(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.is_open.clear()
    await order(worker, store, digest)

    await worker.order("other", connection="c2")
    await worker.post({"id": 1, "method": "ping"}, "other")

    await edge.answer_to(1, "c2")
    assert (await worker.session())["state"] == "starting"


async def test_sessions_that_want_the_same_bundle_fetch_it_once(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.is_open.clear()

    for number in range(3):
        await order(worker, store, digest, f"s{number}", connection=f"c{number}")
    store.is_open.set()

    for number in range(3):
        await until_running(worker, f"s{number}")
    assert store.asked[digest] == 1


async def test_a_session_that_is_left_does_not_wait_for_its_bundle_which_stays_for_others(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.is_open.clear()
    await order(worker, store, digest)

    await worker.end()
    async with asyncio.timeout(5):
        while await worker.session():
            await asyncio.sleep(0.01)  # there is nothing to wait on but the list
    store.is_open.set()

    await edge.until((tmp_path / "bundles" / digest).is_dir, "the bundle")
    assert not list((tmp_path / "sessions").iterdir())
