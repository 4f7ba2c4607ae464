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

        One that comes from this machine is looked up in the kernel's table of sockets: it must be there,
        open, and of a user that is no session's. A socket that its process has closed has no user any more.
        """
        if not self._child_uids or not _is_own(peer[0], own[0]):
            return True
        uid = _user_of(peer, own)
        return uid is not None and uid not in self._child_uids


def _is_own(peer: str, own: str) -> bool:
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or peer == own


def _user_of(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """Return the uid of the process at the other end of a connection on this machine."""
    local, remote = _hexadecimal(peer), _hexadecimal(own)
    for table in ("tcp", "tcp6"):
        for line in _lines(Path(f"/proc/self/net/{table}")):
            fields = line.split()
            has_owner = len(fields) > 9 and fields[9] != "0"  # the inode
            if has_owner and (fields[1], fields[2], fields[3]) == (local[table], remote[table], _ESTABLISHED):
                return int(fields[7])
    return None


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
