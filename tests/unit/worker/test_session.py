"""One session over the worker's real HTTP API, with real servers of tests/servers as its child."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mooring_worker import sender, session
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import SERVERS, exists, tagged, zombies_of

Start = Callable[..., Any]


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


async def test_each_session_has_its_own_child(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order("a", connection="ca")
    await worker.order("b", connection="cb")
    call = {"method": "tools/call", "params": {"name": "state"}}

    await worker.post({"id": 1, **call}, "a")
    await worker.post({"id": 1, **call}, "b")

    assert (await edge.answer_to(1, "ca")) == (await edge.answer_to(1, "cb"))


async def test_requests_in_flight_learn_of_the_exit_under_their_own_ids(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})
    await worker.call("sleep", 0.5, seconds=0.1)
    await worker.call("crash", "x", code=7)
    await worker.call("echo", 3, text="too late")
    began = time.monotonic()

    answers = [await edge.answer_to(id_) for id_ in ("x", 3)]

    assert time.monotonic() - began < 2
    for answer in answers:
        assert answer["error"]["code"] == -32011
        assert answer["error"]["data"] == {"exitCode": 7, "signal": None}
    assert (await edge.answer_to(0.5))["result"]  # answered before the crash: no second answer
    assert len(edge.frames["c1"]) == 4


async def test_a_later_frame_is_refused_with_the_same_error(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})
    await worker.call("signal", 1, number=9)
    told = (await edge.answer_to(1))["error"]

    answer = await worker.call("echo", 2, text="")

    assert answer.status == 410
    assert json.loads(answer.body) == told
    assert told["data"] == {"exitCode": None, "signal": "SIGKILL"}


async def test_a_server_that_dies_at_start_is_a_start_failure_with_stderr_for_its_owner(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    assert (await worker.order("mine", "dies_at_start", is_owner=True)).status == 201
    assert (await worker.order("yours", "dies_at_start", connection="c2")).status == 201
    await edge.notification("notifications/message")
    await edge.notification("notifications/message", "c2")

    mine, yours = (
        await worker.post({"id": 1, "method": "initialize"}, "mine"),
        await worker.post(b"{}", "yours"),
    )

    assert mine.status == yours.status == 410
    error = json.loads(mine.body)
    assert error["code"] == -32014
    assert error["data"] == {"exitCode": 3, "signal": None, "stderr": ["cannot find the database"]}
    assert "stderr" not in json.loads(yours.body)["data"]


async def test_a_command_that_does_not_exist_is_a_start_failure_in_band(edge: Edge, start: Start) -> None:
    worker = await start()

    assert (await worker.order(launch={"command": "no-such-program"})).status == 201

    told = await edge.notification("notifications/message")
    assert told["level"] == "error"
    assert "no-such-program" in told["data"]
    answer = await worker.post({"id": 1, "method": "initialize"})
    assert json.loads(answer.body)["code"] == -32014
    assert tagged(worker.home) == []


async def test_a_server_that_exits_with_nothing_in_flight_tells_the_client(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 1, "method": "ping"})
    await edge.answer_to(1)
    await worker.post(
        {"method": "tools/call", "id": None, "params": {"name": "crash", "arguments": {"code": 0}}}
    )

    told = await edge.notification("notifications/message")

    assert (told["level"], told["logger"]) == ("error", "mooring")


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


async def test_a_session_is_started_once_however_often_it_is_asked_for(edge: Edge, start: Start) -> None:
    worker = await start()

    answers = await asyncio.gather(*(worker.order() for _ in range(3)))

    assert sorted(answer.status for answer in answers) == [200, 200, 201]
    assert (len(worker.agent), worker.agent.counts.starts) == (1, 1)


# Sizes


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


# Pressure


async def test_a_client_that_does_not_read_pauses_the_child_and_loses_nothing(
    edge: Edge, start: Start
) -> None:
    worker = await start(buffer_bytes=100_000)
    edge.held.add("c1")
    await worker.order(script="floods")
    await worker.post({"id": 1, "method": "flood", "params": {"count": 3000, "size": 1000}})
    await edge.until(lambda: bool(edge.requests), "the first frame")

    queued = [0, -1]
    while queued[-1] != queued[-2]:  # until the child is paused
        await asyncio.sleep(0.2)
        queued.append((await worker.session())["queuedBytes"])
    assert queued[-1] < 600_000  # 100 kB and what one read of the pipe brings
    edge.held.clear()

    await edge.answer_to(1)
    numbers = [m["params"]["number"] for m in edge.messages() if "method" in m]
    assert numbers == list(range(3000))


async def test_a_child_that_does_not_read_makes_the_client_wait_with_429(edge: Edge, start: Start) -> None:
    worker = await start(buffer_bytes=200_000)
    await worker.order(script="never_reads")
    frame = {"method": "notifications/x", "params": {"filler": "x" * 50_000}}

    answers = [await worker.post(frame) for _ in range(12)]

    assert answers[0].status == 202
    assert answers[-1].status == 429
    assert json.loads(answers[-1].body)["code"] == -32015
    assert (await edge.notification("notifications/message"))["data"] == "here"


async def test_both_directions_flow_while_both_are_full(edge: Edge, start: Start) -> None:
    """A peer that carries both directions in one loop stops here for good."""
    worker = await start()
    await worker.order()
    text = "x" * 10_000

    for number in range(200):
        while (await worker.call("echo", number, text=text)).status == 429:
            await asyncio.sleep(0.01)

    await edge.answer_to(199)
    assert [m["id"] for m in edge.messages()] == list(range(200))


# Delivery


async def test_frames_are_sent_again_in_order_when_the_edge_refuses_them_for_a_while(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    edge.answers["c1"].extend([429, 500, 503])
    await worker.order()

    for number in range(5):
        await worker.call("echo", number, text="")

    await edge.answer_to(4)
    assert [m["id"] for m in edge.messages()] == [0, 1, 2, 3, 4]


async def test_a_410_during_the_handshake_is_not_the_end(edge: Edge, start: Start) -> None:
    worker = await start()
    edge.answers["c1"].extend([410, 410, 410])
    await worker.order()

    await worker.post({"id": 1, "method": "ping"})

    await edge.answer_to(1)


async def test_a_session_whose_client_is_gone_ends(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_HANDSHAKE_SECONDS", 0)
    monkeypatch.setattr(session, "DETACHED_GRACE_SECONDS", 0.05)
    worker = await start()
    edge.answers["c1"].append(410)
    await worker.order()

    await worker.post({"id": 1, "method": "ping"})

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []


async def test_a_connection_attached_in_time_gets_what_was_not_delivered(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_HANDSHAKE_SECONDS", 0)
    worker = await start()
    edge.answers["c1"].append(410)
    await worker.order()
    for number in range(3):
        await worker.call("echo", number, text="")
    await edge.until(lambda: bool(edge.requests) and not edge.answers["c1"], "the 410")

    answer = await worker.request("PUT", "/sessions/s1/connection", b'{"connection":"c2"}')

    assert answer.status == 200
    await edge.answer_to(2, "c2")
    assert [m["id"] for m in edge.messages("c2")] == [0, 1, 2]


# Ends


async def test_an_idle_session_says_why_closes_the_connection_and_ends(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.2})

    told = await edge.notification("notifications/message")

    assert (told["level"], told["logger"]) == ("warning", "mooring")
    await edge.until(lambda: edge.closed == ["c1"], "the close")
    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert (await worker.post({"id": 1, "method": "ping"})).status == 404


async def test_a_request_in_flight_is_never_idle(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.1})

    await worker.call("sleep", 1, seconds=0.6)

    assert (await edge.answer_to(1))["result"]
    assert edge.messages()[0]["id"] == 1  # the warning came after


async def test_frames_put_off_the_idle_end(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(limits={"idle_seconds": 0.4})
    until = time.monotonic() + 1
    number = 0

    while time.monotonic() < until:
        number += 1
        await worker.post({"id": number, "method": "ping"})
        await edge.answer_to(number)
        await asyncio.sleep(0.05)

    assert [m["id"] for m in edge.messages()] == list(range(1, number + 1))


async def test_a_polite_server_ends_when_its_stdin_closes(edge: Edge, start: Start) -> None:
    worker = await start(exit_grace_seconds=10)
    await worker.order(script="silent")

    assert (await worker.end()).status == 204

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []
    assert (await worker.end()).status == 204


async def test_a_server_that_ignores_sigterm_is_killed(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order(script="ignores_sigterm")
    await edge.notification("notifications/message")

    await worker.end()

    await edge.until(lambda: not len(worker.agent), "the end of the session")
    assert tagged(worker.home) == []


@pytest.mark.parametrize("how", ["end", "crash"])
async def test_no_grandchild_outlives_the_session(edge: Edge, start: Start, how: str) -> None:
    worker = await start()
    await worker.order(script="leaves_grandchildren")
    pids = await edge.notification("notifications/pids")
    child = (await worker.session())["pid"]
    assert exists(pids["in_group"]) and exists(pids["daemon"])

    if how == "end":
        await worker.end()
    else:
        await asyncio.to_thread(os.kill, child, 9)

    await edge.until(
        lambda: not any(map(exists, (child, pids["in_group"], pids["daemon"]))), "the end of all processes"
    )
    await edge.until(lambda: not list((worker.home / "sessions").iterdir()), "the end of the folder")


async def test_the_group_ends_with_its_leader_even_without_the_session_in_its_environment(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    script = 'env -i sleep 300 & echo "{\\"method\\":\\"pid\\",\\"params\\":$!}"; read line'
    await worker.order(launch={"command": "sh", "args": ["-c", script]})
    sleeper = await edge.notification("pid")
    await edge.until(lambda: Path(f"/proc/{sleeper}/comm").read_text() == "sleep\n", "its start")

    await worker.end()

    await edge.until(lambda: not exists(sleeper), "the end of the group")


async def test_the_child_sees_its_own_environment_and_nothing_of_the_worker(
    edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    monkeypatch.setenv("MOORING_WORKER_SECRET", "do-not-tell")
    worker = await start(runtime_path="/opt/runtime/bin")
    program = (
        "import json,os; print(json.dumps({'method': 'env', 'params': {**os.environ}}), flush=True); input()"
    )
    launch = {"command": sys.executable, "args": ["-c", program], "env": {"K": "${config.k}"}}

    await worker.order(launch=launch, config={"k": "value"})

    env = await edge.notification("env")
    home = str(worker.home.resolve() / "sessions" / "s1")
    assert env.pop("PATH") == "/opt/runtime/bin:/usr/local/bin:/usr/bin:/bin"
    assert {env.pop(name) for name in ("HOME", "TMPDIR", "MOORING_SESSION_DIR")} == {home}
    assert env.pop("K") == "value"
    assert set(env) <= {"LANG", "LC_ALL", "LC_CTYPE"}
    assert Path(home).stat().st_mode & 0o777 == 0o700
    assert zombies_of(os.getpid()) == []


async def test_no_child_writes_into_the_bundle_whoever_runs_the_worker(edge: Edge, start: Start) -> None:
    worker = await start()
    bundle = worker.home / "bundles" / "sha"
    bundle.mkdir(parents=True)
    bundle.chmod(0o555)
    script = 'touch "$0/own" "$0/elsewhere" 2>/dev/null; echo "{\\"method\\":\\"done\\",\\"params\\":{}}"; read line'
    launch = {"command": "sh", "args": ["-c", script, "${bundle}"]}

    await worker.order(launch=launch, bundle="sha")

    await edge.notification("done")
    assert list(bundle.iterdir()) == []


async def test_a_launch_rule_is_filled_in_from_the_configuration(edge: Edge, start: Start) -> None:
    worker = await start()
    launch = {
        "command": sys.executable,
        "args": [str(SERVERS / "needs_config.py"), "--city", "${config.city}"],
        "env": {"API_KEY": "${config.key}"},
    }
    await worker.order(launch=launch, config={"city": "New York; rm -rf /", "key": "k1"})

    await worker.post({"id": 1, "method": "config"})

    result = (await edge.answer_to(1))["result"]
    assert result["arguments"] == ["--city", "New York; rm -rf /"]
    assert result["key"] == "k1"
