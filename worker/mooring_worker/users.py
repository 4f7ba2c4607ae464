"""Users of sessions: its processes run under a uid of their own, by which all of them are found.

Not by their environment: without CAP_SYS_PTRACE, which no container has, the agent cannot read that of
another user's process. The uid it can, and no process without capabilities changes it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SHARED = (Path("/dev/shm"), Path("/dev/mqueue"))
_RUN_SECONDS = 5.0
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


def kill_all(uid: int) -> subprocess.Popen[bytes] | None:
    """Kill every process of a user, and begin to kill them all at one moment: one that forks outruns a list.

    The process that does the latter is the user's own, so nobody waits for it: another could stop it.
    """
    for pid, _ in processes(frozenset({uid})):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    command = _as_user(uid, "kill -9 -1")
    return None if command is None else _spawn(command)


def forget(uid: int) -> bool:
    """Remove what a user has left where all may write: no session is to find what another wrote.

    Return False, and do nothing, while a process of the user is left. It may take as long as a process takes.
    """
    if any(processes(frozenset({uid}))):
        return False
    left = [str(path) for folder in _SHARED for path in _of_user(folder, uid)]
    # By the user itself: these folders are sticky, and nobody else may.
    command = _as_user(uid, 'chmod -R u+rwx -- "$@"; rm -rf -- "$@"', *left) if left else None
    if command and (process := _spawn(command)):
        with suppress(subprocess.TimeoutExpired):
            process.wait(_RUN_SECONDS)
    return True


def _of_user(folder: Path, uid: int) -> Iterator[Path]:
    with suppress(OSError):
        for path in list(folder.iterdir()):
            with suppress(OSError):
                if path.lstat().st_uid == uid:
                    yield path


def _as_user(uid: int, script: str, *arguments: str) -> list[str] | None:
    """Return the command that runs a shell script as a user; None where there is no `setpriv`."""
    assert uid > 0, "never as root"
    program = shutil.which("setpriv")
    if program is None:
        return None
    user = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--ambient-caps=-all"]
    return [program, *user, "sh", "-c", script, "sh", *arguments]


def _spawn(command: list[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
