"""One MCP session of the benchmark's client."""

import asyncio
from abc import ABC, abstractmethod

import msgspec

from benchmarks.messages import INITIALIZE, INITIALIZED, Request, decode


class BenchError(Exception):
    """What a target did that it should not; becomes a line of the report."""


class CallFailed(BenchError):
    """An answer is an error, too short, or an HTTP status."""


class Session(ABC):
    """Matches answers to calls; a subclass carries the messages.

    A call has no time limit of its own: timers for each would be a good part of what is measured. Whoever
    measures bounds the whole step.
    """

    def __init__(self) -> None:
        self.foreign_answers = 0
        """Answers to requests that this session did not send."""
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Connect and initialize."""
        await self.connect()
        await self.call(INITIALIZE)

    async def acknowledge(self) -> None:
        await self.send(INITIALIZED)

    async def call(self, request: Request) -> None:
        """Send `request` under a new id and return when it was answered.

        Raises:
            CallFailed: the answer is an error, or shorter than what was to be echoed.
        """
        number, frame = request.frame()
        answered = self._waiting[number] = self._loop.create_future()
        try:
            await self.send(frame)
            size_bytes = await answered
        finally:
            del self._waiting[number]
        if size_bytes < request.payload_bytes:
            raise CallFailed(f"an answer of {size_bytes} bytes to a call with {request.payload_bytes}")

    def received(self, frame: bytes) -> None:
        """Take a message of the other side."""
        try:
            answer = decode(frame)
        except msgspec.DecodeError as error:
            self.lost(f"not a JSON-RPC message: {error}")
            return
        if answer.method is not None:
            return
        answered = self._waiting.get(answer.id) if isinstance(answer.id, int) else None
        if answered is None:
            self.foreign_answers += 1
        elif answered.done():
            return
        elif bytes(answer.error) not in (b"", b"null"):
            answered.set_exception(CallFailed(bytes(answer.error).decode()[:160]))
        else:
            answered.set_result(len(frame))

    def lost(self, reason: str) -> None:
        """Fail every call that waits."""
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(CallFailed(reason))

    @abstractmethod
    async def connect(self) -> None: ...

    @abstractmethod
    async def send(self, frame: bytes) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...
