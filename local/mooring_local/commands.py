"""External programs of a build: run one at a time, told line by line, and explained when they fail."""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mooring_local.packages import BuildFailed, Progress

Hints = Sequence[tuple[Sequence[str], str]]
"""Texts of a program's output and the next step when one of them occurs; the first that matches counts."""

SECONDS = 900.0
MAX_LINES = 2000  # that are told; the last ones are kept whatever was told before
MAX_LINE = 500
_KEPT_LINES = 400
_SHOWN_LINES = 4
_CHUNK = 65_536
_LAST_WORDS_SECONDS = 0.2  # what a program has left running may hold its output open


class CommandFailed(BuildFailed):
    """A program did not succeed; `lines` are the last that it wrote."""

    def __init__(self, cause: str, next_step: str, details: Sequence[str], lines: Sequence[str]) -> None:
        super().__init__(cause, next_step, details)
        self.lines = tuple(lines)


@dataclass(frozen=True)
class Program:
    """A program as a build uses it: how it marks errors, and what its errors mean."""

    name: str
    error_prefix: str = ""
    hints: Hints = ()


def run(
    program: Program,
    what: str,
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Progress = lambda line: None,
    lock: int | None = None,
    seconds: float = SECONDS,
) -> list[str]:
    """Run `command` to its end and return its last lines; `what` completes "npm could not ...".

    No shell is involved. `lock` is inherited, so that a program that outlives us keeps its workspace.

    Raises:
        CommandFailed: it did not succeed.
        BuildFailed: it is not here, or did not come to an end in `seconds`.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
    except OSError as error:
        raise BuildFailed(
            f"{program.name} could not {what}: {error.strerror}", f"Install {program.name} where builds run"
        ) from error
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        for told, line in enumerate(_lines(process, time.monotonic() + seconds)):
            kept.append(line)
            if told < MAX_LINES:
                progress(line[:MAX_LINE])
        status = process.wait()
    except TimeoutError:
        raise BuildFailed(
            f"{program.name} did not {what} in {seconds:g} seconds",
            "Have it do less: leave out what the server does not need",
            list(kept)[-_SHOWN_LINES:],
        ) from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()
    if status:
        raise failure(program, what, list(kept))
    return list(kept)


def failure(program: Program, what: str, lines: Sequence[str]) -> CommandFailed:
    """Return how a failure of `program` that has written `lines` is told."""
    prefix = program.error_prefix
    marked = [line.removeprefix(prefix).strip() for line in lines if prefix and line.startswith(prefix)]
    said = [line for line in marked if line and "complete log" not in line]
    shown = (said or [line for line in lines if line.strip()])[-_SHOWN_LINES:]
    output = "\n".join(lines)
    steps = (step for texts, step in program.hints if any(text in output for text in texts))
    step = next(steps, f"Run {program.name} by hand to see all of its output")
    details = [line[:MAX_LINE] for line in shown]
    return CommandFailed(f"{program.name} could not {what}", step, details, lines)


def _lines(process: "subprocess.Popen[bytes]", deadline: float) -> Iterator[str]:
    """Yield what the process writes, until it has ended and nothing more comes.

    Raises:
        TimeoutError: it goes on after `deadline`.
    """
    assert process.stdout
    descriptor = process.stdout.fileno()
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if time.monotonic() > deadline:
                raise TimeoutError
            has_ended = process.poll() is not None
            if not selector.select(_LAST_WORDS_SECONDS):
                if has_ended:
                    break
                continue
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                break
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            yield from (_text(line) for line in lines if line)
            rest = rest[-_CHUNK:]
    if rest:
        yield _text(rest)
    while process.poll() is None:  # it has closed its output and goes on
        if time.monotonic() > deadline:
            raise TimeoutError
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LAST_WORDS_SECONDS)


def _text(line: bytes) -> str:
    return "".join(c for c in line.decode(errors="replace") if c.isprintable() or c == "\t")
