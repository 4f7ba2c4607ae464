"""Who may call the agent: no child. It shares the agent's network, and MicroVM hooks carry no credential."""

import ipaddress
import socket
from pathlib import Path

_ESTABLISHED = "01"  # include/net/tcp_states.h


class Peers:
    """Refuses connections from processes of the sessions' users on this machine."""

    def __init__(self, child_uids: range) -> None:
        self._child_uids = child_uids

    def admits(self, peer: tuple[str, int], own: tuple[str, int]) -> bool:
        """Return whether a connection from `peer` to `own` is to be served.

        One that comes from this machine, by whichever of its addresses, is in the kernel's table of sockets
        here: it must be open, and of a user that is no session's. A socket that its process has closed has no
        user any more.
        """
        if not self._child_uids:
            return True
        uids = _users_of(peer, own)
        if not uids:
            return not _is_own(peer[0], own[0])
        return not any(uid is None or uid in self._child_uids for uid in uids)


def _is_own(peer: str, own: str) -> bool:
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or peer == own


def _users_of(peer: tuple[str, int], own: tuple[str, int]) -> list[int | None]:
    """Return the uid of the socket at the other end, None for a closed one; nothing if it is not here."""
    local, remote = _hexadecimal(peer), _hexadecimal(own)
    found: list[int | None] = []
    for table in ("tcp", "tcp6"):
        for line in _lines(Path(f"/proc/self/net/{table}")):
            fields = line.split()
            if len(fields) > 9 and (fields[1], fields[2]) == (local[table], remote[table]):
                is_open = fields[3] == _ESTABLISHED and fields[9] != "0"  # the inode
                found.append(int(fields[7]) if is_open else None)
    return found


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []


def _hexadecimal(address: tuple[str, int]) -> dict[str, str]:
    """Return an address as the kernel's tables write it: in words of the machine's byte order."""
    host, port = ipaddress.ip_address(address[0].partition("%")[0]), address[1]
    version_4 = host if host.version == 4 else getattr(host, "ipv4_mapped", None)
    version_6 = host.packed if host.version == 6 else b"\0" * 10 + b"\xff\xff" + host.packed
    written = {"tcp6": f"{_words(version_6)}:{port:04X}", "tcp": ""}
    if version_4 is not None:
        written["tcp"] = f"{_words(version_4.packed)}:{port:04X}"
    return written


def _words(packed: bytes) -> str:
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{socket.ntohl(int.from_bytes(word, 'big')):08X}" for word in words)
