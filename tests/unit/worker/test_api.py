"""The HTTP API's own part: who may call, which routes there are, what refusals look like."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from mooring.http1 import Client
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import SECRET

Start = Callable[..., Any]


@pytest.mark.parametrize("credential", ["", "Bearer wrong", "Bearer é", "worker-secret-for-tests"])
async def test_who_does_not_know_the_secret_may_only_ask_for_health(start: Start, credential: str) -> None:
    worker = await start()
    client = Client(worker.url)
    headers = {"authorization": credential} if credential else {}

    for method, target in (
        ("PUT", "/sessions/x"),
        ("GET", "/sessions"),
        ("GET", "/_/ready"),
        ("GET", "/none"),
    ):
        assert (await client.request(method, target, headers=headers)).status == 401
    assert (await client.request("GET", "/_/health", headers=headers)).status == 200
    await client.close()


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/sessions/x"),
        ("POST", "/sessions/x"),
        ("PUT", "/sessions/x/y/z"),
        ("POST", "/sessions/x/frames"),
        ("PUT", "/sessions/x/connection"),
    ],
)
async def test_what_is_not_there_is_404_with_an_error_object(start: Start, method: str, target: str) -> None:
    worker = await start()

    answer = await worker.request(method, target, b'{"connection":"c"}')

    assert answer.status == 404
    assert {"code", "message"} <= set(json.loads(answer.body))


@pytest.mark.parametrize(
    "fields",
    [
        {"server": None},
        {"connection": ""},
        {"launch": {"command": 5}},
        {"launch": {"commandFunction": 1}},
        {"config": []},
        {"limits": {"idle_seconds": 0}},
        {"limits": {"idle_seconds": "long"}},
        {"limits": 5},
    ],
)
async def test_an_order_that_cannot_be_used_is_422_and_leaves_nothing(
    start: Start, fields: dict[str, Any]
) -> None:
    worker = await start()

    answer = await worker.order(**fields)

    assert answer.status == 422
    assert json.loads(answer.body)["message"]
    assert await worker.session() is None


@pytest.mark.parametrize("session_id", ["..", "%2e%2e", "a%2Fb", "", "x" * 129, "%00"])
async def test_a_session_id_cannot_name_another_folder(start: Start, session_id: str) -> None:
    worker = await start()

    assert (await worker.order(session_id)).status == 422


async def test_an_id_as_api_gateway_makes_them_is_taken_percent_encoded_or_not(start: Start) -> None:
    worker = await start()

    assert (await worker.order("L0SM9cOFvHcCIhw=")).status == 201
    assert (await worker.order("L0SM9cOFvHcCIhw%3D")).status == 200


async def test_a_frame_over_the_limit_is_413(start: Start) -> None:
    worker = await start(max_line_bytes=1000)
    await worker.order()

    answer = await worker.post(b'{"id":1,"method":"' + b"x" * 1000 + b'"}')

    assert answer.status == 413
    assert json.loads(answer.body)["code"] == -32013


async def test_metrics_count_what_happened(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.order("dead", "dies_at_start", connection="c2")
    await worker.post({"id": 1, "method": "ping"})
    await edge.answer_to(1)
    await edge.notification("notifications/message", "c2")

    lines = (await worker.request("GET", "/_/metrics")).body.decode().splitlines()

    values = dict(line.removeprefix("mooring_worker_").split() for line in lines if not line.startswith("#"))
    assert int(values.pop("resident_memory_bytes")) > 1_000_000
    assert values == {
        "sessions": "2",
        "children": "1",
        "capacity": "200",
        "session_starts_total": "2",
        "start_failures_total": "1",
        "frames_in_total": "1",
        "frames_out_total": "1",
    }


async def test_a_caller_that_hangs_up_leaves_a_whole_session(edge: Edge, start: Start) -> None:
    worker = await start()
    body = json.dumps(
        {"server": "acme/test", "connection": "c1", "launch": {"command": "cat"}, "config": {}}
    ).encode()
    head = (
        f"PUT /sessions/s1 HTTP/1.1\r\nauthorization: Bearer {SECRET}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(*worker.url.removeprefix("http://").split(":"))

    writer.write(head.encode() + body)
    writer.close()

    await edge.until(lambda: len(worker.agent) == 1, "the session")
    answer = {"id": 1, "result": {"echoed": "by cat"}}
    async with asyncio.timeout(5):
        while (await worker.post(answer)).status != 202:
            continue
    assert (await edge.answer_to(1))["result"] == {"echoed": "by cat"}


async def test_sessions_are_listed_without_what_they_say(start: Start) -> None:
    worker = await start()
    await worker.order(config={"key": "secret"}, release="r1")

    session = await worker.session()

    assert session["state"] == "running"
    assert session["pid"] > 0
    assert (session["server"], session["release"], session["inFlight"]) == ("acme/test", "r1", 0)
    assert "secret" not in json.dumps(session)
