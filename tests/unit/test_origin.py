import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from benchmarks.authority import Authority
from mooring.origin import Origin
from tests.unit.loopback import serving


def test_threads_share_connections_and_each_gets_its_own_answer() -> None:
    with serving(lambda method, target, headers, body: (200, target.encode() + body)) as url:
        origin = Origin(url, timeout_seconds=5)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda n: origin.request("POST", f"/{n}", b"x"), range(200)))
    assert answers == [(200, b"/%dx" % n) for n in range(200)]


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_two_connections() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve_two_connections)
        thread.start()
        origin = Origin(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=5)
        assert origin.request("GET", "/")[0] == 200
        assert origin.request("GET", "/")[0] == 200
        thread.join(5)


def test_an_answer_that_is_not_http_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_nonsense() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"nonsense\r\n\r\n")

        thread = threading.Thread(target=serve_nonsense)
        thread.start()
        with pytest.raises(OSError):
            Origin(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=5).request("GET", "/")
        thread.join(5)


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Serve one connection with one answer for each request, then close it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for answer in answers:
                    if not connection.recv(65536):
                        break
                    for part in answer.split(b"|"):  # the pieces arrive one after the other
                        connection.sendall(part)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", (202, b"")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 200 \r\nContent-Length:5\r\n\r|\nab|cde", (200, b"abcde")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", (200, b"a")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
            b"2;x=y\r\nab\r|\n1\r\nc\r\n0\r\nx: y\r\n\r\n",
            (200, b"abc"),
        ),
    ],
    ids=["length 0", "204", "in pieces", "after 100", "chunked"],
)
def test_the_next_request_uses_the_same_connection_after(answer: bytes, expected: tuple[int, bytes]) -> None:
    with answering(answer, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext") as url:
        origin = Origin(url, timeout_seconds=5)
        assert origin.request("POST", "/", b"x") == expected
        assert origin.request("POST", "/", b"x") == (200, b"next")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\nab|c",
        b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
    ],
    ids=["until the end", "HTTP/1.0", "close"],
)
def test_an_answer_may_end_with_its_connection(answer: bytes) -> None:
    with answering(answer) as url:
        assert Origin(url, timeout_seconds=5).request("GET", "/") == (200, b"abc")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: three\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0_3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
        b"HTTP/2 200\r\n\r\n",
    ],
    ids=[
        *("cut", "length", "negative length", "length with underscore", "chunk size", "chunk prefix"),
        *("long chunk", "coding", "head cut", "head without end", "version"),
    ],
)
def test_half_an_answer_is_an_os_error(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(OSError):
        Origin(url, timeout_seconds=5).request("GET", "/")


def test_a_line_break_in_a_header_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="line break"):
        Origin("http://127.0.0.1:9", timeout_seconds=5).request("GET", "/", headers={"x": "a\r\nb: c"})


def test_what_nobody_asked_for_is_not_taken_for_the_next_answer() -> None:
    """Such as the 408 with which a server gives up an idle connection."""
    ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    said = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            first, _ = listener.accept()
            with first:
                first.recv(65536)
                first.sendall(ok)
                first.sendall(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
                said.set()
                second, _ = listener.accept()
            with second:
                second.recv(65536)
                second.sendall(ok)

        thread = threading.Thread(target=serve)
        thread.start()
        origin = Origin(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_seconds=5)
        assert origin.request("GET", "/")[0] == 200
        assert said.wait(5)
        assert origin.request("GET", "/")[0] == 200
        thread.join(5)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate.decode())


def test_requests_over_tls_share_a_connection_whatever_their_size(authority: Authority) -> None:
    with serving(lambda method, target, headers, body: (200, body[::-1]), authority.context) as url:
        origin = Origin(url, timeout_seconds=5, tls=trusting(authority))
        for body in (b"", b"ab", bytes(range(256)) * 2000):
            assert origin.request("POST", "/", body) == (200, body[::-1])
        assert len(origin._idle) == 1


def test_a_tls_connection_that_was_closed_while_idle_is_replaced(authority: Authority) -> None:
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_two_connections() -> None:
            for _ in range(2):
                plain, _ = listener.accept()
                with authority.context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                closed.set()

        thread = threading.Thread(target=serve_two_connections)
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}"
        origin = Origin(url, timeout_seconds=5, tls=trusting(authority))
        assert origin.request("GET", "/")[0] == 200
        assert closed.wait(5)
        assert origin.request("GET", "/")[0] == 200
        thread.join(5)


def test_a_certificate_that_nobody_trusts_is_an_os_error(authority: Authority) -> None:
    with serving(lambda *request: (200, b""), authority.context) as url, pytest.raises(ssl.SSLError):
        Origin(url, timeout_seconds=5).request("GET", "/")


def test_a_certificate_for_another_name_is_an_os_error(authority: Authority) -> None:
    with serving(lambda *request: (200, b""), authority.context) as url:
        other = url.replace("localhost", "127.0.0.1")
        with pytest.raises(ssl.SSLCertVerificationError):
            Origin(other, timeout_seconds=5, tls=trusting(authority)).request("GET", "/")
