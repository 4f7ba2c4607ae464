import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

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
