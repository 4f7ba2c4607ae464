"""Limits as a worker applies them to the orders and the frames that it gets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from mooring.errors import LimitReached
from mooring.limits import Use
from mooring.placement import place, reported
from mooring.workers import Worker as Row
from mooring.workers import WorkerClient, WorkerTable
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import SECRET, SERVERS, Worker, running

Start = Callable[..., Any]

TWO_SESSIONS = {"principal": "p1", "limits": {"principal": {"sessions": 2}}}
ONE_START = {"principal": "p1", "limits": {"principal": {"starts_per_minute": 1}}}
ONE_FRAME = {"principal": "p1", "limits": {"principal": {"frames_per_second": 1}}}


async def refused(worker: Worker, session_id: str, **order: Any) -> Any:
    """Return what a refusal with 429 says beside its message."""
    answer = await worker.order(session_id, **order)
    assert answer.status == 429
    error = json.loads(answer.body)
    assert error["code"] == LimitReached.jsonrpc_code
    return error["data"]


async def until_taken(worker: Worker, session_id: str, **order: Any) -> None:
    async with asyncio.timeout(10):
        while (await worker.order(session_id, **order)).status != 201:
            await asyncio.sleep(0.01)


async def test_one_session_more_than_a_principal_may_have_is_refused_until_one_ends(start: Start) -> None:
    worker = await start()
    for session_id in ("a", "b"):
        assert (await worker.order(session_id, **TWO_SESSIONS)).status == 201

    assert await refused(worker, "c", **TWO_SESSIONS) == {"limit": "principal_sessions", "allowed": 2}
    assert (await worker.order("d", **{**TWO_SESSIONS, "principal": "p2"})).status == 201
    assert (await worker.order("a", **TWO_SESSIONS)).status == 200
    await worker.end("a")

    assert (await worker.order("e", **TWO_SESSIONS)).status == 201


async def test_all_principals_together_may_have_what_the_server_may(start: Start) -> None:
    worker = await start()
    limits = {"limits": {"server": {"sessions": 1, "starts_per_minute": 2}}}
    assert (await worker.order("a", principal="p1", **limits)).status == 201

    told = await refused(worker, "b", principal="p2", **limits)

    assert told == {"limit": "server_sessions", "allowed": 1}
    assert (await worker.order("c", principal="p2", server="acme/other", **limits)).status == 201
    await worker.end("a")
    assert (await worker.order("d", principal="p2", **limits)).status == 201
    await worker.end("d")
    assert (await refused(worker, "e", **limits))["limit"] == "server_starts_per_minute"


async def test_a_session_that_could_not_start_was_a_start_and_is_no_session(edge: Edge, start: Start) -> None:
    worker = await start()
    limits = {"principal": {"sessions": 1, "starts_per_minute": 2}}
    nothing = {"command": "/no/such/program"}
    assert (await worker.order("a", launch=nothing, principal="p1", limits=limits)).status == 201
    await edge.notification("notifications/message")

    assert (await worker.order("b", principal="p1", limits=limits, connection="c2")).status == 201
    await worker.end("b")

    told = await refused(worker, "c", principal="p1", limits=limits)
    assert 1 <= told.pop("retryAfterSeconds") <= 61
    assert told == {"limit": "principal_starts_per_minute", "allowed": 2}


async def test_an_order_that_was_refused_is_no_start(start: Start) -> None:
    worker = await start(capacity=1)
    await worker.order("full")
    assert json.loads((await worker.order("a", **ONE_START)).body).keys() == {"code", "message"}
    await worker.end("full")

    await until_taken(worker, "b", **ONE_START)  # the slot is free when the child is gone


async def test_a_session_that_is_resumed_is_no_start(edge: Edge, start: Start) -> None:
    worker = await start()
    assert (await worker.order(resume_seconds=60, **ONE_START)).status == 201
    for number in range(3):
        await worker.detach(f"c{number}")
        assert (await worker.attach(f"c{number + 1}")).status == 200
    assert (await refused(worker, "b", **ONE_START))["limit"] == "principal_starts_per_minute"


async def test_a_request_too_many_is_refused_and_the_session_lives_on(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(**ONE_FRAME)
    assert (await worker.post({"id": 1, "method": "ping"})).status == 202

    async with asyncio.timeout(10):  # one of two in a row, unless there is a second between each two
        number = 2
        while (answer := await worker.post({"id": number, "method": "ping"})).status == 202:
            number += 1

    assert answer.status == 429
    assert json.loads(answer.body)["data"] == {
        "limit": "principal_frames_per_second",
        "allowed": 1,
        "retryAfterSeconds": 1,
    }
    cancel = {"method": "notifications/cancelled", "params": {"requestId": number - 1}}
    assert (await worker.post(cancel)).status == 202
    async with asyncio.timeout(10):
        while (await worker.post({"id": "later", "method": "ping"})).status != 202:
            continue
    assert (await edge.answer_to("later"))["result"] == {}


async def test_the_client_of_a_session_that_may_be_resumed_is_told_in_band(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(resume_seconds=60, **ONE_FRAME)

    def told() -> list[Any]:
        return [message for message in edge.messages() if "error" in message]

    number = 0
    async with asyncio.timeout(10):
        while not told():
            number += 1
            assert (await worker.post({"id": number, "method": "ping"})).status == 202
            await edge.answer_to(number)

    assert (told()[0]["id"], told()[0]["error"]["code"]) == (number, -32015)
    assert told()[0]["error"]["data"]["limit"] == "principal_frames_per_second"
    again = await worker.post({"id": number, "method": "ping"})
    assert again.status == 202
    await edge.until(lambda: len(edge.messages()) > number, "the answer to the same id, sent anew")


@pytest.mark.parametrize(
    "fields",
    [
        {"limits": {"principal": 5}},
        {"limits": {"principal": {"sessions": -1}}},
        {"limits": {"principal": {"starts_per_minute": 1.5}}},
        {"limits": {"server": {"frames_per_second": "many"}}},
        {"limits": {"server": {"frames_per_second": True}}},
        {"principal": 7},
        {"reported": []},
        {"reported": {"principal": {"w2": 5}}},
        {"reported": {"server": {"w2": [1, "x"]}}},
    ],
)
async def test_limits_that_cannot_be_used_are_422_and_named(start: Start, fields: dict[str, Any]) -> None:
    worker = await start()
    answer = await worker.order(**{"principal": "p1", **fields})
    assert answer.status == 422
    (name,) = fields
    assert name in json.loads(answer.body)["message"]


class Table:
    """The rows that workers have written, as WorkerTable reads them."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def get_paginator(self, operation: str) -> "Table":
        return self

    def paginate(self, **parameters: Any) -> list[Any]:
        return [{"Items": list(self._edge.rows.values())}]


@pytest.fixture
async def two(edge: Edge, tmp_path: Path) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        workers = []
        for worker_id in ("w1", "w2"):
            (home := tmp_path / worker_id).mkdir()
            started = running(edge, home, worker_id=worker_id, heartbeat_seconds=0.05)
            workers.append(await stack.enter_async_context(started))
        yield workers


async def test_what_a_principal_may_have_it_may_have_on_all_workers_together(
    edge: Edge, two: list[Worker]
) -> None:
    table = WorkerTable(Table(edge), "workers", fresh_seconds=0)
    client = WorkerClient(SECRET)

    async def started_on(rows: list[Row], session_id: str) -> str:
        order = {
            **{"server": "acme/test", "connection": session_id, "config": {}},
            **{"launch": {"command": "python3", "args": [str(SERVERS / "echo.py")]}, **TWO_SESSIONS},
            "reported": reported(table.read(), "p1", "acme/test", 0.0),
        }
        worker, _ = await asyncio.to_thread(place, rows, "sha", client, session_id, order)
        return worker.worker_id

    def found(**uses: Use) -> bool:
        rows = reported(table.read(), "p1", "acme/test", 0.0)
        return rows == {"principal": uses, "server": uses}

    first, second = table.read()
    assert await started_on([first], "a") == first.worker_id
    assert await started_on([second], "b") == second.worker_id
    one_each = {row.worker_id: Use(1, 1) for row in (first, second)}
    await edge.until(lambda: found(**one_each), "the reports of both workers")

    for rows in ([first], [second], [first, second]):
        with pytest.raises(LimitReached) as refused:
            await started_on(rows, "c")
        assert refused.value.data == {"limit": "principal_sessions", "allowed": 2}

    await two[0].end("a")
    ended = {**one_each, "w1": Use(0, 1)}
    await edge.until(lambda: found(**ended), "the report of the end")
    assert await started_on([second], "c") == second.worker_id
