"""The floor: the child's own pipes, no network and no bridge."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from benchmarks.session import BenchError, Session

_EXIT_SECONDS = 3.0


class StdioSession(Session):
    """`environment` and `folder` are what the child runs in; our own where they are not given."""

    def __init__(
        self, argv: list[str], environment: Mapping[str, str] | None = None, folder: str | None = None
    ) -> None:
        super().__init__()
        self._argv = argv
        self._environment = environment
        self._folder = folder

    async def connect(self) -> None:
        # Not asyncio's own: uvloop forks, which costs a multiple of the vfork that this is.
        self._process = subprocess.Popen(
            self._argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
        )
        self._stdin, _ = await self._loop.connect_write_pipe(asyncio.Protocol, self._process.stdin)
        await self._loop.connect_read_pipe(lambda: _Lines(self.received), self._process.stdout)

    async def send(self, frame: bytes) -> None:
        self._stdin.write(frame + b"\n")

    async def close(self) -> None:
        self._stdin.close()
        try:
            await asyncio.to_thread(self._process.wait, _EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise BenchError("the child did not end with its input") from None

    def kill(self) -> None:
        """End it at once, with what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class _Lines(asyncio.Protocol):
    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = bytearray()

    def data_received(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._rest += first
        if not others:
            return
        last = others.pop()
        self._on_line(bytes(self._rest))
        for line in others:
            self._on_line(line)
        self._rest = bytearray(last)
