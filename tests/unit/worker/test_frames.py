"""What passes between a client and its child, over the worker's real HTTP API, and what is in flight."""

import json

from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start


async def test_a_frame_reaches_the_child_and_its_answer_the_client_unchanged(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    assert (await worker.order()).status == 201

    frame = '{"id": 90071992547409931 ,"jsonrpc":"2.0","method":"tools/call","params":'
    frame += '{"arguments":{"text":"é\\u00e9\U0001f600"},"name":"echo"}}'
    assert (await worker.post(frame.encode())).status == 202

    answer = await edge.answer_to(90071992547409931)
    assert answer["result"]["content"][0]["text"] == "éé\U0001f600"
    assert b'"id": 90071992547409931, ' in edge.frames["c1"][0]


async def test_line_breaks_between_tokens_do_not_split_a_frame(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()

    await worker.post(b'{\r\n  "jsonrpc": "2.0",\n  "id": 1,\r  "method": "ping"\n}\n')

    assert (await edge.answer_to(1))["result"] == {}


async def test_a_batch_passes_and_each_of_its_requests_is_in_flight(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="silent")

    batch = b'[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"n"},{"id":"2","method":"b"}]'
    assert (await worker.post(batch)).status == 202

    assert (await worker.session())["inFlight"] == 2


async def test_what_is_not_json_rpc_is_refused_and_never_reaches_the_child(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()

    for frame in (b"", b"{", b"5", b"[1]", b'{"id":1,"method":"ping"', b"\xff\xfe"):
        answer = await worker.post(frame)
        assert answer.status == 400
        assert json.loads(answer.body)["code"] == -32700
    await worker.post({"id": 1, "method": "ping"})

    await edge.answer_to(1)
    assert len(edge.frames["c1"]) == 1


async def test_lines_that_are_no_frames_never_reach_the_client(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="logs_to_stdout")

    await worker.post({"id": 1, "method": "ping"})
    await worker.post({"id": 2, "method": "ping"})

    await edge.answer_to(2)
    assert edge.messages() == [
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "id": 2, "result": {}},
    ]


async def test_a_repeated_message_id_reaches_the_child_once(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()

    for _ in range(2):
        frame = {"id": 1, "method": "tools/call", "params": {"name": "state"}}
        assert (await worker.post(frame, x_message_id="m1")).status == 202
    await worker.post({"id": 2, "method": "tools/call", "params": {"name": "state"}}, x_message_id="m2")

    assert (await edge.answer_to(2))["result"]["content"][0]["text"] == "2"


async def test_a_cancelled_request_gets_no_error_when_the_child_exits(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="silent")
    await worker.post({"id": 1, "method": "slow"})
    await worker.post({"id": 2, "method": "slow"})

    await worker.post({"method": "notifications/cancelled", "params": {"requestId": 1}})

    assert (await worker.session())["inFlight"] == 1


async def test_an_answer_spelled_differently_ends_its_request(edge: Edge, start: Start) -> None:
    """The child of this test writes ids as JSON escapes and floats as they come."""
    worker = await start()
    await worker.order()

    await worker.post('{"id":"é","method":"ping"}'.encode())
    await worker.post(b'{"id":1.50,"method":"ping"}')

    await edge.answer_to("é")
    await edge.answer_to(1.5)
    assert (await worker.session())["inFlight"] == 0


async def test_a_request_of_the_child_is_in_flight_until_the_client_answers(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.call("ask", 1)
    await edge.answer_to(1)
    assert (await worker.session())["inFlight"] == 1

    await worker.post({"id": "server-1", "result": {}})

    assert (await worker.session())["inFlight"] == 0
