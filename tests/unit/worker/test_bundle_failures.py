"""Bundles that cannot be had: what is told, and that nothing is left of them."""

import os
import signal
from pathlib import Path

import pytest

from mooring.http1 import Response
from tests.unit.worker.edge import Edge
from tests.unit.worker.fetched import (
    NOISE,
    fetching,
    order,
    published,
    unfinished,
)
from tests.unit.worker.harness import Start
from tests.unit.worker.store import Store

REFUSED = {
    "expired": (
        Response(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
        "expired or is refused (403 AccessDenied)",
    ),
    "missing": (Response(404), "not in the store"),
    "broken": (Response(500, b"<Code>InternalError</Code>"), "answered 500 InternalError; try again"),
    "no archive": (Response(200, b"<html>"), "damaged"),
}


@pytest.mark.parametrize(("answer", "reason"), REFUSED.values(), ids=REFUSED)
async def test_that_a_bundle_cannot_be_had_is_told_in_band(
    answer: Response, reason: str, edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.answers[digest] = answer

    assert (await order(worker, store, digest)).status == 201
    await worker.call("echo", 1, text="hello")

    error = (await edge.answer_to(1))["error"]
    assert error["code"] == -32014
    assert reason in error["message"]
    assert "s3cret" not in error["message"]
    assert not unfinished(tmp_path)
    assert not (tmp_path / "bundles" / digest).exists()


async def test_a_bundle_that_could_not_be_had_can_be_had_later(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.answers[digest] = Response(500)
    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")
    await edge.answer_to(1)

    store.answers.clear()
    await order(worker, store, digest, "s2", connection="c2")
    await worker.post({"id": 2, "method": "ping"}, "s2")

    assert "result" in await edge.answer_to(2, "c2")


async def test_a_bundle_whose_content_is_another_is_never_seen(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    other = published(store, tmp_path / "other", more=b"more")
    store.archives[digest] = store.archives[other]

    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")

    error = (await edge.answer_to(1))["error"]
    assert f"holds {other}, not {digest}" in error["message"]
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == []


async def test_a_store_that_is_not_there_is_told_in_band(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made")
    store.url = "http://127.0.0.1:1"

    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")

    assert "cannot be reached" in (await edge.answer_to(1))["error"]["message"]


async def test_a_store_that_takes_too_long_is_told_in_band_and_its_process_is_gone(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(bundle_fetch_seconds=1.0)
    digest = published(store, tmp_path / "made")
    store.is_open.clear()

    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")

    assert "not here after 1 seconds" in (await edge.answer_to(1))["error"]["message"]
    assert not fetching()


async def test_a_bundle_over_its_bound_is_refused(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start(bundle_bytes=NOISE)
    digest = published(store, tmp_path / "made", noise=bytes(NOISE))

    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")

    assert f"larger than {NOISE} bytes" in (await edge.answer_to(1))["error"]["message"]


async def test_a_name_that_is_no_digest_is_not_fetched(edge: Edge, start: Start, store: Store) -> None:
    worker = await start()

    answer = await order(worker, store, "../../etc")

    assert answer.status == 422
    assert not store.asked


async def test_an_unpacking_that_is_killed_leaves_nothing_and_is_done_again(
    edge: Edge, start: Start, store: Store, tmp_path: Path
) -> None:
    worker = await start()
    digest = published(store, tmp_path / "made", noise=os.urandom(5_000_000))
    store.cuts[digest] = 3_000_000
    await order(worker, store, digest)
    await worker.call("echo", 1, text="hello")

    def begun() -> bool:
        return any(path.stat().st_size for folder in unfinished(tmp_path) for path in folder.glob("noise"))

    await edge.until(begun, "a part of the bundle")
    (pid,) = fetching()
    os.kill(pid, signal.SIGKILL)

    assert "ended early" in (await edge.answer_to(1))["error"]["message"]
    assert not (tmp_path / "bundles" / digest).exists()
    store.cuts.clear()
    await order(worker, store, digest, "s2", connection="c2")
    await worker.post({"id": 2, "method": "ping"}, "s2")
    assert "result" in await edge.answer_to(2, "c2")
    assert not unfinished(tmp_path)
