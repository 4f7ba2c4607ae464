import ipaddress

import pytest

from mooring.public_addresses import is_public

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:50c0:8000::154", "2606:4700::1111", "::ffff:93.184.216.34"]
PRIVATE = [
    *("127.0.0.1", "10.20.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    # What wraps an address of IPv4, which a gateway would follow.
    *("::ffff:127.0.0.1", "::ffff:224.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808"),
    *("2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [*PRIVATE, "acme.test", ""])
def test_addresses_of_a_network_of_ones_own_are_not(address: str) -> None:
    assert not is_public(address)
