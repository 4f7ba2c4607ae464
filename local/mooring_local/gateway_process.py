"""The gateway of the local run, as who starts it sees it: one process, and another when that has died.

Its two listening sockets are ours and stay open from one process to the next: who connects in between waits.
"""

import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from mooring import settings
from mooring_local import processes

_BACKLOG = 2048
_STAGE = "local"  # unless a Gateway is told another


class GatewayProcess:
    """Begins to load when it is made. `public` listens for all, `internal` for the worker and functions."""

    def __init__(self, public: socket.socket, internal: socket.socket, variables: Mapping[str, str]) -> None:
        self._sockets = public, internal
        self._environment = {**settings.whole(), **variables}
        self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        descriptors = [listener.fileno() for listener in self._sockets]
        command = [sys.executable, "-P", "-m", "mooring_local.gateway", *map(str, descriptors)]
        return processes.spawn(command, self._environment, None, descriptors=descriptors)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_died(self) -> bool:
        return self._process.poll() is not None

    def start_again(self) -> None:
        """Replace a process that has died. It loads, and waits for `serve`."""
        processes.close_input(self._process)
        self._process = self._spawn()

    def serve(self) -> None:
        """Have it serve: the tables are there, and nothing of the connections of one before it."""
        assert self._process.stdin, "started by spawn"
        with suppress(BrokenPipeError):  # it has died, and is going to be replaced
            self._process.stdin.write(b"serve\n")
            self._process.stdin.flush()

    def answers(self, seconds: float) -> bool:
        """Return whether it answers within `seconds`; False as soon as it has died."""
        address = self._sockets[0].getsockname()
        return processes.answers(self._process, address, "/_/health", seconds=seconds)

    def kill(self) -> None:
        """End it as a crash does, and wait for that."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Have it close the clients' connections and end; nobody can connect any more."""
        for listener in self._sockets:
            listener.close()
        processes.stop(self._process)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket for a gateway; raises OSError when the port is taken."""
    return socket.create_server((host, port), backlog=_BACKLOG)


def connections_url(internal: socket.socket) -> str:
    """Return where a gateway that has `internal` serves @connections."""
    host, port = internal.getsockname()
    return f"http://{host}:{port}/{_STAGE}"
