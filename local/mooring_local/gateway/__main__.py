"""The gateway's process: `python -m mooring_local.gateway <public> <internal>`, listening sockets by number.

Both ports, with the functions behind them, in threads. It loads, serves from the first line of its standard
input on, and ends when that closes or on SIGTERM. Its variables are the functions', and MOORING_SHUFFLE_SEED.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
import uvloop

from mooring import http1
from mooring.settings import AwsSettings, LocalSettings
from mooring.sigv4 import Credentials
from mooring_local import handlers
from mooring_local.gateway.connections import responder
from mooring_local.gateway.disorder import Disorder
from mooring_local.gateway.edge import make_protocol
from mooring_local.gateway.gateway import Gateway

_MAX_POST_BYTES = 262_144  # over API Gateway's 128 KB, so that its own 413 answers


def main() -> None:
    public, internal = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    uvloop.run(_run(public, internal))


async def _run(public: socket.socket, internal: socket.socket) -> None:
    orders = await _Orders.heard()
    seed = LocalSettings.read().shuffle_seed
    gateway = Gateway(
        handlers.load("ws_connect"),
        handlers.load("ws_default"),
        handlers.load("ws_disconnect"),
        disorder=Disorder(seed) if seed >= 0 else None,
    )
    aws = AwsSettings.read()
    respond = responder(gateway, Credentials(aws.access_key, aws.secret_key), aws.region)
    server = _server(gateway)
    await orders.begun.wait()
    if orders.ended.is_set():
        return
    connections = await http1.serve_on(internal, respond, max_body_bytes=_MAX_POST_BYTES)
    serving = asyncio.create_task(server.serve([public]))
    await orders.ended.wait()
    await gateway.aclose()
    server.should_exit = True
    await serving
    connections.close()


def _server(gateway: Gateway) -> uvicorn.Server:
    """Return what serves the public port: the registry, and through its protocol the gateway."""
    return _Server(
        uvicorn.Config(
            handlers.module("registry_api").app,
            http=make_protocol(gateway),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    )


class _Orders(asyncio.Protocol):
    """What standard input says: begin, with a line, and end, with its end."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    @classmethod
    async def heard(cls) -> "_Orders":
        loop, orders = asyncio.get_running_loop(), cls()
        await loop.connect_read_pipe(lambda: orders, os.fdopen(os.dup(0), "rb", buffering=0))
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, orders._end)
        return orders

    def data_received(self, data: bytes) -> None:
        self.begun.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        self.ended.set()
        self.begun.set()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: it ends when its gateway has."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


if __name__ == "__main__":
    main()
