import socket
from collections.abc import Iterator

import pytest

from mooring.dns_lookups import DnsLookups, LookupFailed
from tests.unit import public_world
from tests.unit.public_world import LOOPBACK, PublicWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicWorld]:
    with public_world.running(tmp_path_factory.mktemp("world")) as world:
        world.texts = {"_mooring-claim.acme.test": ["mooring-claim=abc", "v=spf1 -all"]}
        world.addresses["acme.test"] = ["192.0.2.1", "2001:db8::1"]
        yield world


def test_the_texts_of_a_name_are_told(world: PublicWorld) -> None:
    assert sorted(world.names.texts("_mooring-claim.acme.test")) == ["mooring-claim=abc", "v=spf1 -all"]


@pytest.mark.parametrize("name", ["nobody.test", "acme.test"])
def test_a_name_without_texts_has_none(world: PublicWorld, name: str) -> None:
    assert world.names.texts(name) == []


def test_addresses_come_with_those_of_ipv6_first(world: PublicWorld) -> None:
    """A network without a way for IPv4 swallows what is sent that way; one without IPv6 says so at once."""
    assert world.names.addresses("acme.test") == ["2001:db8::1", "192.0.2.1"]


@pytest.mark.parametrize("name", ["nobody.test", "a..b", "x" * 300])
def test_a_name_that_is_none_is_a_failure(world: PublicWorld, name: str) -> None:
    with pytest.raises(LookupFailed, match="cannot be resolved"):
        world.names.addresses(name)


def test_a_resolver_that_is_silent_is_a_failure_in_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((LOOPBACK, 0))
        names = DnsLookups([LOOPBACK], silent.getsockname()[1], seconds=0.3)
        with pytest.raises(LookupFailed, match="LifetimeTimeout"):
            names.texts("acme.test")
