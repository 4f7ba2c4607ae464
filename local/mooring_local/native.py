"""Native code in a bundle: which platforms it is for."""

import platform
import struct
from pathlib import Path

from mooring import trees

_HEAD_BYTES = 64
_ELF_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_MACH_O_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
_FAT = b"\xca\xfe\xba\xbe"  # also how Java's classes begin: their version follows, a larger number
_MAX_FAT = 20


def here() -> str:
    """Return the platform of this machine, such as `linux-x86_64`."""
    return f"{platform.system()}-{platform.machine()}".lower()


def platforms(root: Path) -> set[str]:
    """Return what platforms there is native code for in `root`."""
    found: set[str] = set()
    for path in trees.files(root):
        if path.is_symlink():
            continue
        with path.open("rb") as file:
            found |= _platforms(file.read(_HEAD_BYTES))
    return found


def needed(root: Path, wanted: str | None) -> str | None:
    """Return what a bundle that was built here needs to run on; None: any platform will do.

    Packages bring code for several platforms, one of which is used: if the `wanted` one is among them, it is
    that. What is for neither that nor this machine lies there unused, as launchers for Windows do.
    """
    found = platforms(root)
    return next((one for one in (wanted, here()) if one in found), None)


def _platforms(head: bytes) -> set[str]:
    if head[:4] == b"\x7fELF" and len(head) >= 20:
        (machine,) = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)
        return {f"linux-{_ELF_MACHINES.get(machine, machine)}"}
    if head[:4] == b"\xcf\xfa\xed\xfe" and len(head) >= 8:
        (machine,) = struct.unpack_from("<I", head, 4)
        return {f"darwin-{_MACH_O_MACHINES.get(machine, machine)}"}
    if head[:4] == _FAT and len(head) >= 8 and struct.unpack_from(">I", head, 4)[0] <= _MAX_FAT:
        return {f"darwin-{machine}" for machine in _MACH_O_MACHINES.values()}
    return set()
