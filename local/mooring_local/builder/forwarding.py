"""Inside an isolated build: a port of its own loopback that leads to the socket of `egress`."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

_CHUNK_BYTES = 65_536


def forward(path: Path) -> str:
    """Forward connections until the process ends; return the address of a proxy, `http://127.0.0.1:port`."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, path: Path) -> None:
    while True:
        client, _ = listener.accept()
        there = socket.socket(socket.AF_UNIX)
        try:
            there.connect(str(path))
        except OSError:
            client.close()
            there.close()
            continue
        for one, other in ((client, there), (there, client)):
            threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while chunk := one.recv(_CHUNK_BYTES):
            other.sendall(chunk)
    with suppress(OSError):  # the other way may go on
        other.shutdown(socket.SHUT_WR)
