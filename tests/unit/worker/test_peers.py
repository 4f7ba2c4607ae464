"""Who may call the agent: this process plays the child, and its own uid is that of a session."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mooring import http1
from mooring.http1 import Client, Request, Response
from mooring_worker.peers import Peers

OURS = range(os.getuid(), os.getuid() + 1)
OTHERS = range(os.getuid() + 1, os.getuid() + 2)


@contextmanager
def connected(
    host: str, source: str = ""
) -> Iterator[tuple[tuple[str, int], tuple[str, int], socket.socket]]:
    """Give the addresses of a connection as its server sees them, and the client's socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        client = socket.socket(family)
        if source:
            client.bind((source, 0))
        client.connect(server.getsockname()[:2])
        accepted, peer = server.accept()
        try:
            yield peer[:2], accepted.getsockname()[:2], client
        finally:
            accepted.close()
            client.close()


@pytest.mark.parametrize(("host", "source"), [("127.0.0.1", ""), ("127.0.0.1", "127.0.0.9"), ("::1", "")])
def test_a_childs_connection_is_refused_and_anothers_admitted(host: str, source: str) -> None:
    with connected(host, source) as (peer, own, _):
        assert not Peers(OURS).admits(peer, own)
        assert Peers(OTHERS).admits(peer, own)
        assert Peers(range(0)).admits(peer, own)


def test_a_connection_that_its_process_has_closed_is_refused() -> None:
    with connected("127.0.0.1") as (peer, own, client):
        client.close()
        assert not Peers(OTHERS).admits(peer, own)


def test_an_address_of_this_machine_without_a_socket_is_refused_and_a_far_one_admitted() -> None:
    assert not Peers(OTHERS).admits(("127.0.0.1", 1), ("127.0.0.1", 2))
    assert Peers(OURS).admits(("192.0.2.7", 40000), ("192.0.2.1", 8080))


async def test_what_a_child_sends_is_not_read() -> None:
    seen: list[str] = []

    def respond(request: Request) -> Response:
        seen.append(request.target)
        return Response(200)

    for uids, is_served in ((OURS, False), (OTHERS, True)):
        server = await http1.serve(respond, "127.0.0.1", 0, max_body_bytes=10, admits=Peers(uids).admits)
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            if is_served:
                assert (await client.request("GET", "/x")).status == 200
            else:
                with pytest.raises(OSError):
                    await client.request("GET", "/x")
        finally:
            await client.close()
            server.close()
    assert seen == ["/x"]
