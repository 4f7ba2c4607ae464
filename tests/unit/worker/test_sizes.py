"""What a child writes that is too large for a client."""

from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start


async def test_an_answer_over_the_limit_becomes_an_error_that_names_its_size(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    await worker.order(script="big_answers")

    await worker.post({"id": 1, "method": "answer", "params": {"bytes": 131_072}})
    await worker.post({"id": 2, "method": "answer", "params": {"bytes": 130_000}})

    error = (await edge.answer_to(1))["error"]
    assert error["code"] == -32013
    assert error["data"]["limitBytes"] == 131_072
    assert error["data"]["bytes"] > 131_072
    assert str(error["data"]["bytes"]) in error["message"]
    assert len((await edge.answer_to(2))["result"]["filler"]) == 130_000


async def test_a_request_of_the_child_over_the_limit_is_answered_to_the_child(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    await worker.order(script="big_answers")

    await worker.post({"id": 1, "method": "ask", "params": {"bytes": 200_000}})

    heard = await edge.notification("notifications/heard")
    assert heard["id"] == "big-1"
    assert heard["error"]["code"] == -32013
    assert (await edge.notification("notifications/message"))["level"] == "warning"
    assert (await worker.session())["inFlight"] == 0


async def test_a_notification_over_the_limit_becomes_a_warning(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="big_answers")

    await worker.post({"id": 1, "method": "notify", "params": {"bytes": 200_000}})

    assert "notifications/progress" in (await edge.notification("notifications/message"))["data"]
    assert (await edge.answer_to(1))["result"] == {}


async def test_a_line_that_never_ends_is_dropped_while_it_streams(edge: Edge, start: Start) -> None:
    worker = await start(max_line_bytes=300_000)
    await worker.order(script="big_answers")

    await worker.post({"id": 1, "method": "answer", "params": {"bytes": 2_000_000}})

    assert (await edge.answer_to(1))["error"]["code"] == -32013
    assert (await edge.notification("notifications/message"))["level"] == "error"
    await worker.post({"id": 2, "method": "answer", "params": {"bytes": 10}})
    assert (await edge.answer_to(2))["result"]
