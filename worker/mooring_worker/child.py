"""One stdio process, owned from its start to its last output.

The pipes are plain protocols on the loop and know nothing of each other: what the child reads never depends
on what it writes. `subprocess` starts the process (uvloop's own way forks) and a pidfd tells when it ended.
"""

import asyncio
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

_OUTPUT_GRACE_SECONDS = 1.0  # leaves half of the 2 s in which a dead server's requests are answered

# A whole frame (128 KiB) passes at once. Larger ones would use up what Linux gives an unprivileged user for
# all pipes, 64 MiB (fs.pipe-user-pages-soft), before 200 sessions have their two of these and one of 64 KiB.
_PIPE_BYTES = 128 * 1024
_SET_PIPE_SIZE: int | None = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux only


@dataclass(frozen=True, slots=True)
class Listener:
    """What the owner of a child wants to be told."""

    on_output: Callable[[bytes], None]
    on_stderr: Callable[[bytes], None]
    on_deaf: Callable[[], None]
    """It closed its standard input."""
    on_exit: Callable[[], None]
    """It has been reaped; output may still come."""
    on_end: Callable[[], None]
    """It has been reaped and all its output given; comes once, last."""


class Child:
    __slots__ = (
        "_exited",
        "_listener",
        "_loop",
        "_output_ended",
        "_paused",
        "_pidfd",
        "_process",
        "_stderr",
        "_stdin",
        "_stdout",
    )

    _stdin: asyncio.WriteTransport
    _stdout: asyncio.ReadTransport | None
    _stderr: asyncio.ReadTransport

    def __init__(self, process: subprocess.Popen[bytes], listener: Listener) -> None:
        """Take over `process`, which was just started with a pipe on each standard stream."""
        self._process = process
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[None] = self._loop.create_future()
        self._output_ended = False
        self._paused = False
        self._pidfd = -1
        self._stdout = None

    async def attach(self) -> None:
        """Connect the pipes to the loop; nothing else may be called before."""
        loop, process, listener = self._loop, self._process, self._listener
        _widen(process.stdin)
        _widen(process.stdout)
        self._stdin, _ = await loop.connect_write_pipe(lambda: _Input(listener.on_deaf), process.stdin)
        self._stderr, _ = await loop.connect_read_pipe(lambda: _Output(listener.on_stderr), process.stderr)
        self._stdout, _ = await loop.connect_read_pipe(
            lambda: _Output(listener.on_output, self._on_output_end), process.stdout
        )
        if self._paused:  # by output that came while this coroutine waited to go on
            self.pause()
        self._watch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return not self._exited.done()

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and when a signal ended it."""
        status = self._process.returncode
        return status if status is not None and status >= 0 else None

    @property
    def signal_name(self) -> str | None:
        status = self._process.returncode
        return signal.Signals(-status).name if status is not None and status < 0 else None

    @property
    def unread_bytes(self) -> int:
        """What was written and is not yet in the pipe."""
        return self._stdin.get_write_buffer_size()

    @property
    def is_deaf(self) -> bool:
        return self._stdin.is_closing()

    def write(self, line: bytes) -> None:
        self._stdin.write(line + b"\n")

    def write_all(self, lines: list[bytes]) -> None:
        for line in lines:
            self.write(line)

    def pause(self) -> None:
        """Stop reading its output; it blocks once the pipe is full."""
        self._paused = True
        if self._stdout and not self._output_ended:
            self._stdout.pause_reading()

    def resume(self) -> None:
        self._paused = False
        if self._stdout and not self._output_ended:
            self._stdout.resume_reading()

    async def stop(self, exit_grace_seconds: float, term_grace_seconds: float) -> None:
        """End it: stdin closed, then SIGTERM, then SIGKILL to its group; return when it is reaped.

        What it wrote is still given; `ignore_output` ends that.
        """
        self._close_stdin()
        if not await self._exits_within(exit_grace_seconds):
            self._signal_group(signal.SIGTERM)
            if not await self._exits_within(term_grace_seconds):
                self._signal_group(signal.SIGKILL)
                await asyncio.wait([self._exited])

    def kill(self) -> None:
        """End it at once, with its group."""
        self._signal_group(signal.SIGKILL)

    def ignore_output(self) -> None:
        """Read no more, whoever may still hold the other ends of the pipes."""
        if self._stdout:
            self._stdout.close()
        self._stderr.close()

    async def _exits_within(self, seconds: float) -> bool:
        await asyncio.wait([self._exited], timeout=seconds)
        return self._exited.done()

    def _close_stdin(self) -> None:
        if self.unread_bytes:
            self._stdin.abort()  # close() would wait for a child that does not read
        else:
            self._stdin.close()

    def _signal_group(self, number: signal.Signals) -> None:
        if not self._exited.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, before 5.3, or a sandbox without it
            threading.Thread(target=self._wait, name=f"wait-{self.pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._on_exit)

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(self._on_exit)

    def _on_exit(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        # Before it is reaped: until then no other process can have its number, nor its group's.
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        self._exited.set_result(None)
        self._stdin.abort()
        self._listener.on_exit()
        if self._output_ended:
            self._listener.on_end()
        else:
            self._loop.call_later(_OUTPUT_GRACE_SECONDS, self._cut_output)

    def _cut_output(self) -> None:
        """A process that left the group and hides from the session may hold the pipe open for ever."""
        if self._output_ended:
            return
        if self._paused:  # what it wrote waits for the client, and is not lost
            self._loop.call_later(_OUTPUT_GRACE_SECONDS, self._cut_output)
        else:
            self.ignore_output()

    def _on_output_end(self) -> None:
        self._output_ended = True
        if self._exited.done():
            self._listener.on_end()


def _widen(pipe: IO[bytes] | None) -> None:
    if pipe and _SET_PIPE_SIZE is not None:
        with suppress(OSError):  # the user's pipes are as large as they may be
            fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)


class _Output(asyncio.Protocol):
    def __init__(self, on_bytes: Callable[[bytes], None], on_end: Callable[[], None] | None = None) -> None:
        self._on_bytes = on_bytes
        self._on_end = on_end

    def data_received(self, data: bytes) -> None:
        self._on_bytes(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._on_end:
            self._on_end()


class _Input(asyncio.Protocol):
    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_end()
