"""The processes of the local run: started so that none outlives it, stopped in order."""

import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

_STOP_SECONDS = 8.0  # the worker's own ladder takes four


@cache
def death_signal_prefix() -> tuple[str, ...]:
    """Return what to put before a command so that it dies with us, where the system can do that."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", "KILL", "--")
    works = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if works else ()


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command` with exactly `environment`; what it prints goes to `log`.

    Its standard input is a pipe of ours: it closes when we end, however that happens. To be called from the
    main thread: a death signal is sent when the thread that started the process ends.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [*death_signal_prefix(), *command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the others in order
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask `process` to end, and kill it when it does not."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
