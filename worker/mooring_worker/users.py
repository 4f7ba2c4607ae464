"""Users of sessions: its processes run under a uid of their own, by which all of them are found.

Not by their environment: without CAP_SYS_PTRACE, which no container has, the agent cannot read that of
another user's process. The uid it can, and no process without capabilities changes it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")
_KILL_SECONDS = 5.0
_CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}  # linux/capability.h


def may_be_changed() -> bool:
    """Return whether this process may start others under another uid, and look after them."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return os.geteuid() == 0
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    return all(effective >> number & 1 for number in _CAPABILITIES.values())


def of_process(pid: int) -> int | None:
    """Return the real uid of a process; None when there is none (any more)."""
    # The owner of /proc/{pid} would say root of a process that has made itself undumpable.
    with suppress(OSError, ValueError):
        status = Path(f"/proc/{pid}/status").read_bytes()
        return int(status.partition(b"\nUid:")[2].split()[0])
    return None


def processes(uids: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Give pid and uid of each process of these users."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (uid := of_process(int(entry.name))) in uids:
            yield int(entry.name), uid


def kill_all(uid: int) -> None:
    """Kill every process of a user, all at one moment: one that forks fast would outrun a list."""
    assert uid > 0, "never root's"
    setpriv = shutil.which("setpriv")
    if setpriv:
        user = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--ambient-caps=-all"]
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [setpriv, *user, "sh", "-c", "kill -9 -1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_KILL_SECONDS,
                check=False,
            )
        return
    for pid, _ in processes(frozenset({uid})):
        with suppress(ProcessLookupError):
            os.kill(pid, 9)


def forget(uid: int) -> None:
    """Remove what a user has left in the memory that all share: no session is to find what another wrote."""
    with suppress(OSError):
        for path in list(_SHARED_MEMORY.iterdir()):
            with suppress(OSError):
                if path.lstat().st_uid != uid:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
