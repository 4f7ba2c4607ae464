import asyncio
import threading
from typing import Any

import pytest

from mooring_local.gateway.answer import Answer
from mooring_local.gateway.calls import CallFailed, Calls, CallTimedOut, Function, LambdaContext
from mooring_local.gateway.clock import MovableClock
from tests.unit.gateway.running import WAIT_SECONDS, Inbox, accept


def never(failure: CallFailed) -> None:
    raise AssertionError(failure)


async def test_a_call_gives_the_handlers_answer() -> None:
    calls = Calls(MovableClock())
    answer = await calls.run(Function("f", lambda event, context: {"statusCode": event["n"]}), {"n": 204})
    assert answer == Answer(204, {}, "")
    calls.close()


@pytest.mark.parametrize("handler", [lambda event, context: 1 / 0, lambda event, context: None])
async def test_a_handler_that_raises_or_answers_nonsense_has_failed(handler: Any) -> None:
    calls = Calls(MovableClock())
    with pytest.raises(CallFailed) as failure:
        await calls.run(Function("f", handler), {})
    assert not isinstance(failure.value, CallTimedOut)
    calls.close()


async def test_calls_run_at_the_same_time() -> None:
    calls = Calls(MovableClock())
    together = threading.Barrier(20)

    def meet(event: Any, context: Any) -> Any:
        together.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    await asyncio.gather(*(calls.run(Function("meet", meet), {}) for _ in range(20)))
    calls.close()


async def test_a_call_over_29_seconds_has_timed_out_and_its_late_answer_is_ignored() -> None:
    clock = MovableClock()
    calls = Calls(clock)
    go_on = threading.Event()

    threads: list[threading.Thread] = []
    started = Inbox()

    def hang(event: Any, context: Any) -> Any:
        threads.append(threading.current_thread())
        started(event, context)
        go_on.wait(WAIT_SECONDS)
        return {"statusCode": 200}

    answers: list[Answer] = []
    failures: list[CallFailed] = []
    calls.submit(Function("hang", hang), {}, failed=failures.append, answered=answers.append)
    await started.next()
    clock.advance(28.5)
    calls.expire()
    assert not failures
    clock.advance(0.5)
    calls.expire()
    calls.expire()
    assert [type(failure) for failure in failures] == [CallTimedOut]

    await calls.run(Function("next", accept), {})  # the hanging thread is not waited for
    go_on.set()
    calls.close()
    await asyncio.to_thread(threads[0].join, WAIT_SECONDS)
    await asyncio.to_thread(int)  # what the thread told the loop comes before this
    assert not answers


async def test_a_call_that_timed_out_before_it_had_a_thread_is_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours: a late $connect would open a session for a client that was refused."""
    monkeypatch.setattr("mooring_local.gateway.calls._THREADS", 1)
    clock = MovableClock()
    calls = Calls(clock)
    go_on = threading.Event()
    made: list[str] = []
    failures: list[CallFailed] = []
    calls.submit(
        Function("first", lambda event, context: go_on.wait(WAIT_SECONDS)), {}, failed=failures.append
    )
    calls.submit(Function("late", lambda event, context: made.append("late")), {}, failed=failures.append)
    clock.advance(29)
    calls.expire()
    go_on.set()
    await calls.run(Function("next", accept), {})
    assert len(failures) == 2
    assert not made
    calls.close()


async def test_threads_are_reused() -> None:
    calls = Calls(MovableClock())
    seen: set[int] = set()

    def note(event: Any, context: Any) -> Any:
        seen.add(threading.get_ident())
        return {"statusCode": 200}

    for _ in range(20):
        await calls.run(Function("note", note), {})
    assert len(seen) <= 2  # a thread that has told its answer may not be free yet
    calls.close()


async def test_the_context_is_what_lambda_gives() -> None:
    clock = MovableClock()
    calls = Calls(clock)
    contexts: list[LambdaContext] = []

    def note(event: Any, context: LambdaContext) -> Any:
        contexts.append(context)
        return {"statusCode": 200}

    await calls.run(Function("ws_default", note), {})
    await calls.run(Function("ws_default", note), {})
    first, second = contexts
    assert first.function_name == "ws_default"
    assert first.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:ws_default"
    assert first.memory_limit_in_mb == 512
    assert first.aws_request_id == first.aws_request_id != second.aws_request_id
    assert 28_000 < first.get_remaining_time_in_millis() <= 29_000
    clock.advance(60)
    assert first.get_remaining_time_in_millis() == 0
    calls.close()


def test_an_answer_after_the_end_of_the_loop_is_dropped() -> None:
    go_on = threading.Event()
    started = threading.Event()
    threads: list[threading.Thread] = []

    def late(event: Any, context: Any) -> Any:
        threads.append(threading.current_thread())
        started.set()
        go_on.wait(WAIT_SECONDS)
        raise RuntimeError("nobody hears this")

    async def start() -> Calls:
        calls = Calls(MovableClock())
        calls.submit(Function("late", late), {}, failed=never)
        return calls

    calls = asyncio.run(start())
    assert started.wait(WAIT_SECONDS)
    go_on.set()
    calls.close()
    threads[0].join(WAIT_SECONDS)  # pytest fails a test whose thread died of an exception
    assert not threads[0].is_alive()
