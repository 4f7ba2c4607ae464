"""The gateway as a process: when it serves, and when it ends."""

import base64
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.request import urlopen

import pytest

from mooring_local.gateway_process import connections_url, listen

_SECONDS = 20.0


@contextmanager
def gateway(public: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Start one that nothing but its standard input ties to us."""
    with closing(listen("127.0.0.1", 0)) as internal:
        variables = {
            "AWS_DEFAULT_REGION": "us-east-1",
            "MOORING_CONNECTIONS_URL": connections_url(internal),
            "MOORING_SECRET_KEY": base64.b64encode(bytes(32)).decode(),
        }
        descriptors = [public.fileno(), internal.fileno()]
        process = subprocess.Popen(
            [sys.executable, "-m", "mooring_local.gateway", *map(str, descriptors)],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            pass_fds=descriptors,
        )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def public() -> Iterator[socket.socket]:
    with closing(listen("127.0.0.1", 0)) as listener:
        yield listener


def serve(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.write(b"serve\n")
    process.stdin.flush()


def answers(public: socket.socket) -> bool:
    host, port = public.getsockname()
    with urlopen(f"http://{host}:{port}/_/health", timeout=_SECONDS) as answer:
        return bool(answer.status == 200)


def test_it_ends_with_who_started_it(public: socket.socket) -> None:
    with gateway(public) as process:
        serve(process)
        assert answers(public)
        assert process.stdin
        process.stdin.close()
        assert process.wait(_SECONDS) == 0


def test_it_ends_without_having_served_when_nobody_tells_it_to(public: socket.socket) -> None:
    with gateway(public) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait(_SECONDS) == 0


def test_it_ends_when_it_is_asked_to(public: socket.socket) -> None:
    with gateway(public) as process:
        serve(process)
        assert answers(public)
        process.send_signal(signal.SIGTERM)
        assert process.wait(_SECONDS) == 0


def test_who_connects_between_two_of_them_is_served_by_the_second(public: socket.socket) -> None:
    with gateway(public) as process:
        serve(process)
        assert answers(public)
        process.kill()
        process.wait(_SECONDS)
    with socket.create_connection(public.getsockname(), _SECONDS) as client:
        client.sendall(b"GET /_/health HTTP/1.1\r\nHost: mooring\r\n\r\n")
        with gateway(public) as process:
            serve(process)
            assert client.recv(12) == b"HTTP/1.1 200"
