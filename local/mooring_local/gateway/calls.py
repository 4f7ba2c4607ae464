"""Calls of the route handlers: concurrent, each in a thread, none longer than the integration timeout.

API Gateway calls Lambda once per message without waiting for the call before, so a connection may have
many calls under way and they may overtake each other. So it is here.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

from mooring.observability import logger
from mooring_local.gateway.answer import Answer
from mooring_local.gateway.clock import Clock
from mooring_local.gateway.disorder import Disorder
from mooring_local.gateway.events import Event
from mooring_local.gateway.limits import INTEGRATION_TIMEOUT_SECONDS

Handler = Callable[[Event, "LambdaContext"], Any]

_THREADS = 128  # far above what one machine can run at once: threads mostly wait for a worker


class CallFailed(Exception):
    """The handler raised, or returned what is not a proxy response."""

    message = "Internal server error"
    http_status = 500


class CallTimedOut(CallFailed):
    """The handler did not return within the integration timeout; it keeps running."""

    message = "Endpoint request timed out"
    http_status = 504


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: a name and the handler that runs."""

    name: str
    handler: Handler


class LambdaContext:
    """What Lambda passes beside the event."""

    __slots__ = ("_clock", "_deadline", "_request_id", "function_name")

    function_version = "$LATEST"
    memory_limit_in_mb = 512

    def __init__(self, function_name: str, clock: Clock, deadline: float) -> None:
        self.function_name = function_name
        self._clock = clock
        self._deadline = deadline
        self._request_id = ""

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:000000000000:function:{self.function_name}"

    @property
    def aws_request_id(self) -> str:
        self._request_id = self._request_id or str(uuid4())  # made on demand: few handlers look at it
        return self._request_id

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - self._clock.now()) * 1000))


@dataclass(slots=True, eq=False)
class _Call:
    function: Function
    event: Event
    context: LambdaContext
    deadline: float
    failed: Callable[[CallFailed], None]
    answered: Callable[[Answer], None] | None
    timed_out: bool = False


class Calls:
    """Runs handlers. Everything but the handlers runs in the event loop it was made in.

    The threads are daemons of our own, not a ThreadPoolExecutor's, which the interpreter waits for: a
    handler that hangs must not keep the process from exiting.
    """

    def __init__(self, clock: Clock, disorder: Disorder | None = None) -> None:
        self._clock = clock
        self._disorder = disorder
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads = 0
        self._unfinished: dict[_Call, None] = {}  # oldest first; threads remove what they have finished

    def submit(
        self,
        function: Function,
        event: Event,
        *,
        failed: Callable[[CallFailed], None],
        answered: Callable[[Answer], None] | None = None,
    ) -> None:
        """Start a call. One of the two callbacks runs in the loop, later; the answer may be unwanted.

        A call whose answer nobody wants may be put off, see `Disorder`.
        """
        deadline = self._clock.now() + INTEGRATION_TIMEOUT_SECONDS
        context = LambdaContext(function.name, self._clock, deadline)
        call = _Call(function, event, context, deadline, failed, answered)
        self._unfinished[call] = None
        if self._threads < min(len(self._unfinished), _THREADS):
            self._threads += 1
            threading.Thread(target=self._work, name=f"lambda-{self._threads}", daemon=True).start()
        delay_seconds = self._disorder.delay_seconds() if self._disorder and not answered else 0.0
        if delay_seconds:
            self._loop.call_later(delay_seconds, self._queue.put, call)
        else:
            self._queue.put(call)

    async def run(self, function: Function, event: Event) -> Answer:
        """Call and wait.

        Raises:
            CallFailed: there is no usable answer; CallTimedOut if there was none in time.
        """
        outcome: asyncio.Future[Answer] = self._loop.create_future()

        def answered(answer: Answer) -> None:
            if not outcome.done():
                outcome.set_result(answer)

        def failed(failure: CallFailed) -> None:
            if not outcome.done():
                outcome.set_exception(failure)

        self.submit(function, event, failed=failed, answered=answered)
        return await outcome

    def expire(self) -> None:
        """Report the calls whose time is over."""
        now = self._clock.now()
        for call in tuple(self._unfinished):  # a copy, which no thread can interrupt: they may remove
            if call.deadline > now:
                break
            if not call.timed_out:
                call.timed_out = True
                call.failed(CallTimedOut())

    def close(self) -> None:
        """Let each thread end after its call."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while call := self._queue.get():
            try:
                if not call.timed_out:  # it may have waited for a thread that long
                    self._perform(call)
            finally:
                del self._unfinished[call]

    def _perform(self, call: _Call) -> None:
        try:
            answer = Answer.read(call.function.handler(call.event, call.context))
        except Exception:
            logger.exception("handler failed", function=call.function.name)
            self._tell(call, partial(call.failed, CallFailed()))
        else:
            if call.answered:
                self._tell(call, partial(call.answered, answer))

    def _tell(self, call: _Call, outcome: Callable[[], None]) -> None:
        def tell() -> None:
            if not call.timed_out:
                outcome()

        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(tell)
