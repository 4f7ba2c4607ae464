"""`GET /logs`: what real children printed, while they run and when they have ended."""

import json
from typing import Any

from mooring_worker.session_logs import KEPT_SESSIONS
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Start, Worker

Line = tuple[str, str]


async def found(worker: Worker, query: str = "session=s1") -> dict[str, Any]:
    answer = await worker.request("GET", f"/logs?{query}&lines=1000&bytes=1000000")
    assert answer.status == 200, answer.body
    content: dict[str, Any] = json.loads(answer.body)
    return content


async def lines(worker: Worker, query: str = "session=s1") -> list[Line]:
    return [(line["stream"], line["text"]) for line in (await found(worker, query))["lines"]]


async def until_line(worker: Worker, wanted: Line, query: str = "session=s1") -> list[Line]:
    """Return the lines as soon as the wanted one is among them: no order holds between stderr and answers."""
    for _ in range(2000):
        if wanted in (present := await lines(worker, query)):
            return present
    raise AssertionError(f"{wanted} is not in {present}")


async def test_stderr_and_what_is_no_frame_are_in_the_log_of_a_running_session(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    await worker.order(script="logs_to_stdout")
    await worker.order("s2", connection="c2")
    await worker.post({"id": 1, "method": "ping"})
    await edge.answer_to(1)
    await worker.post(
        {"id": 2, "method": "tools/call", "params": {"name": "print", "arguments": {"text": "oh"}}}, "s2"
    )

    assert ("stderr", "oh") in await until_line(worker, ("stderr", "oh"), "server=acme/test")
    assert await lines(worker) == [
        ("stdout", "listening on stdio"),
        ("stdout", '{"level": 30, "msg": "started"}'),
        ("stdout", "request ping"),
        ("stdout", "3.14"),
    ]
    assert {line["server"] for line in (await found(worker, "server=acme/test"))["lines"]} == {"acme/test"}


async def test_a_crash_is_in_the_log_after_what_led_to_it_and_stays_when_the_session_is_gone(
    edge: Edge, start: Start
) -> None:
    worker = await start()
    await worker.order(script="dies_at_start")
    await edge.notification("notifications/message")
    await until_line(worker, ("session", "the server exited with code 3"))

    await worker.end()
    await edge.until(lambda: not len(worker.agent), "the end of the session")

    content = await found(worker)
    assert [line["text"] for line in content["lines"]] == [
        "cannot find the database",
        "the server exited with code 3",
    ]
    assert content["lines"][-1]["end"] == {"exitCode": 3, "signal": None}
    assert (await found(worker, "server=acme/test"))["lines"] == content["lines"]


async def test_a_signal_is_named(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.post({"id": 0, "method": "ping"})
    await worker.call("signal", 1, number=9)
    await edge.answer_to(1)

    await until_line(worker, ("session", "the server was killed by SIGKILL"))


async def test_a_command_that_could_not_be_started_is_in_the_log(edge: Edge, start: Start) -> None:
    worker = await start()

    await worker.order(launch={"command": "no-such-program"})

    ((stream, text),) = await lines(worker)
    assert stream == "session"
    assert "no-such-program" in text


async def test_an_end_that_the_client_wanted_is_told_as_one(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.call("print", 1, text="hello")
    await edge.answer_to(1)
    await until_line(worker, ("stderr", "hello"))

    await worker.end()

    await until_line(worker, ("session", "the session ended; the server exited with code 0"))


async def test_a_session_that_printed_nothing_is_known_until_it_ends(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    assert (await found(worker))["sessions"] == 1

    await worker.end()
    await edge.until(lambda: not len(worker.agent), "the end of the session")

    assert (await found(worker))["sessions"] == 0


async def test_a_later_question_is_answered_with_later_lines_only(edge: Edge, start: Start) -> None:
    worker = await start()
    await worker.order()
    await worker.call("print", 1, text="first")
    await until_line(worker, ("stderr", "first"))
    after = (await found(worker))["next"]

    await worker.call("print", 2, text="second")

    assert await until_line(worker, ("stderr", "second"), f"session=s1&after={after}") == [
        ("stderr", "second")
    ]


async def test_the_log_of_a_session_has_the_size_that_is_set(edge: Edge, start: Start) -> None:
    worker = await start(log_bytes=400)
    await worker.order()
    for number in range(1, 6):
        await worker.call("print", number, text=f"line {number}")
        await edge.answer_to(number)

    present = await until_line(worker, ("stderr", "line 5"))

    assert present == [("stderr", "line 4"), ("stderr", "line 5")]


async def test_the_logs_of_many_ended_sessions_are_not_all_kept(edge: Edge, start: Start) -> None:
    worker = await start()
    for number in range(KEPT_SESSIONS + 5):
        session_id = f"s{number}"
        await worker.order(session_id, connection=session_id, launch={"command": "echo", "args": ["hello"]})
        await worker.end(session_id)
    await edge.until(lambda: not len(worker.agent), "the end of the sessions")

    assert (await found(worker, "server=acme/test"))["sessions"] <= KEPT_SESSIONS


async def test_a_question_without_a_subject_is_refused(start: Start) -> None:
    worker = await start()

    answer = await worker.request("GET", "/logs?lines=1&bytes=1")

    assert answer.status == 422
    assert "server or session" in json.loads(answer.body)["message"]
