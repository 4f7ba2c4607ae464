import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.authority import Authority
from mooring.public_web import MAX_BYTES, PublicWeb, Unreachable, is_public
from tests.unit import public_world
from tests.unit.public_world import LOOPBACK, PublicWorld


@pytest.fixture(scope="module")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(running_world: PublicWorld) -> PublicWorld:
    running_world.forget()
    return running_world


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:50c0:8000::154", "::ffff:93.184.216.34"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.20.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1"),
        *("acme.test", ""),
    ],
)
def test_addresses_of_a_network_of_ones_own_are_not(address: str) -> None:
    assert not is_public(address)


def test_a_text_is_fetched(world: PublicWorld) -> None:
    world.pages["https://acme.test/a%20b/c?d=e"] = "found"
    assert world.web.get("https://acme.test/a b/c?d=e#f") == (200, "found")
    assert world.web.get("https://acme.test")[0] == 404


def test_of_a_long_text_the_beginning_is_read(world: PublicWorld) -> None:
    world.pages["https://acme.test/"] = "x" * (MAX_BYTES * 4)
    assert world.web.get("https://acme.test/")[1] == "x" * MAX_BYTES


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.test/",
        "https://acme.test:8443/",
        "https://me:secret@acme.test/",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "https://acme.test:port/",
    ],
)
def test_only_https_at_its_usual_port_is_fetched(world: PublicWorld, url: str) -> None:
    with pytest.raises(Unreachable):
        world.web.get(url)
    assert world.asked == []


def test_a_redirect_is_followed_on_its_host_alone(world: PublicWorld) -> None:
    world.pages["https://acme.test/old"] = (302, "/new")
    world.pages["https://acme.test/new"] = "found"
    assert world.web.get("https://acme.test/old") == (200, "found")
    for elsewhere in ("https://git.acme.test/new", "http://acme.test/new", "//git.acme.test/new"):
        world.pages["https://acme.test/old"] = (301, elsewhere)
        world.asked.clear()
        with pytest.raises(Unreachable, match="another host"):
            world.web.get("https://acme.test/old")
        assert world.asked == ["https://acme.test/old"]


def test_redirects_without_an_end_are_left(world: PublicWorld) -> None:
    world.pages["https://acme.test/"] = (302, "/")
    with pytest.raises(Unreachable, match="more than 3 times"):
        world.web.get("https://acme.test/")


def test_a_name_of_a_private_address_is_not_connected_to(world: PublicWorld) -> None:
    web = PublicWeb(world.names.addresses, tls=world.tls, port=world.web_port)
    with pytest.raises(Unreachable, match=r"acme\.test has no public address"):
        web.get("https://acme.test/")
    assert world.asked == []


def test_what_was_checked_is_what_is_connected_to(world: PublicWorld) -> None:
    """A name that is public when it is checked and private when it is used gets past a check of names."""
    world.pages["https://acme.test/"] = "found"
    asked = []

    def addresses(host: str) -> list[str]:
        asked.append(host)
        return [LOOPBACK] if len(asked) == 1 else ["192.0.2.1"]

    web = PublicWeb(
        addresses, is_allowed=lambda address: address == LOOPBACK, tls=world.tls, port=world.web_port
    )
    assert web.get("https://acme.test/") == (200, "found")
    assert asked == ["acme.test"]


def test_of_several_addresses_one_that_answers_is_enough(world: PublicWorld) -> None:
    world.pages["https://acme.test/"] = "found"
    everywhere = ["10.0.0.1", "127.0.0.2", LOOPBACK]  # the first is not allowed, nobody listens at the second
    web = PublicWeb(
        lambda host: everywhere,
        is_allowed=lambda one: one.startswith("127."),
        tls=world.tls,
        port=world.web_port,
    )
    assert web.get("https://acme.test/") == (200, "found")


def test_a_host_that_shows_the_certificate_of_another_is_not_believed(world: PublicWorld) -> None:
    web = PublicWeb(lambda host: [LOOPBACK], is_allowed=lambda one: True, tls=world.tls, port=world.web_port)
    with pytest.raises(Unreachable, match="did not answer"):
        web.get("https://other.test/")
    assert world.asked == []


def test_a_host_that_sends_for_ever_is_left_in_time(tmp_path: Path) -> None:
    """Each byte arrives in time, and their sum does not."""
    authority = Authority(tmp_path, "acme.test")
    ended = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with authority.context.wrap_socket(connection, server_side=True) as talking:
                talking.recv(4096)
                talking.sendall(b"HTTP/1.1 200 OK\r\n")
                try:
                    while not ended.wait(0.01):
                        talking.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        web = PublicWeb(
            lambda host: [LOOPBACK],
            is_allowed=lambda one: True,
            tls=ssl.create_default_context(cadata=authority.certificate.decode()),
            port=listener.getsockname()[1],
            seconds=0.5,
        )
        try:
            with pytest.raises(Unreachable, match="did not answer in time"):
                web.get("https://acme.test/")
        finally:
            ended.set()
            thread.join()


def test_nothing_is_asked_when_the_time_is_over(world: PublicWorld) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        world.web.get("https://acme.test/", until=time.monotonic())
    assert world.asked == []


def test_a_name_that_nobody_has_is_told(world: PublicWorld) -> None:
    with pytest.raises(Unreachable, match=r"nobody\.test cannot be resolved: NXDOMAIN"):
        world.web.get("https://nobody.test/")


def test_a_host_where_nobody_listens_is_told() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
    web = PublicWeb(lambda host: [LOOPBACK], is_allowed=lambda one: True, port=port)
    with pytest.raises(Unreachable, match="cannot be reached"):
        web.get("https://acme.test/")
