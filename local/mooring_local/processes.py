"""The processes of the local run: started so that none outlives it, stopped in order."""

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_STOP_SECONDS = 8.0  # the worker's own ladder takes four
_TRY_SECONDS = 1.0
_POLL_SECONDS = 0.02


@cache
def death_signal_prefix() -> tuple[str, ...]:
    """Return what to put before a command so that it dies with us, where the system can do that."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", "KILL", "--")
    works = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if works else ()


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path | None,
    *,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` with exactly `environment`; what it prints goes to `log`, or None: to where ours goes.

    Its standard input is a pipe of ours: it closes when we end, however that happens. It has `descriptors` of
    ours under their numbers. To be called from the main thread: a death signal is sent when the thread that
    started the process ends.
    """
    with log.open("ab") if log else nullcontext() as output:
        return subprocess.Popen(
            [*death_signal_prefix(), *command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the others in order
        )


def answers(process: subprocess.Popen[bytes], address: tuple[str, int], path: str, *, seconds: float) -> bool:
    """Return whether `process` answers HTTP at `address` within `seconds`; False as soon as it has ended."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection(*address, timeout=_TRY_SECONDS)
        try:
            connection.request("GET", path)
            connection.getresponse()
            return True
        except (OSError, HTTPException):
            time.sleep(_POLL_SECONDS)  # there is nothing to wait on but the port
        finally:
            connection.close()
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Close what it reads from us, ask it to end, and kill it when it does not."""
    close_input(process)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def close_input(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe to its standard input."""
    assert process.stdin, "started by spawn"
    with suppress(BrokenPipeError):  # what was written is not needed any more
        process.stdin.close()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
