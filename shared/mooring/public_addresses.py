"""Which addresses anybody may be sent to, where a stranger has said where to (no I/O)."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# They hold addresses of IPv4, which a gateway would follow.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


def is_public(address: Address | str) -> bool:
    """Return whether an address is of no private, local or reserved network, nor wraps another one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return is_public(ip.ipv4_mapped)
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified
    return ip.is_global and not is_special and not any(ip in network for network in _TRANSLATED)


# Not those that are kept for documentation: they lead nowhere, but to what a laboratory puts there.
_INTERNAL = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
            *("::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
        ),
    )
)


def is_internal(address: str) -> bool:
    """Return whether an address may be of this machine, or of a network that it is in; what is none is."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return is_internal(str(ip.ipv4_mapped))
    return any(ip in network for network in (*_INTERNAL, *_TRANSLATED))
