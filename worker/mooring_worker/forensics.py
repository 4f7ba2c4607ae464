"""Why a child ended: what can be known of it, and what is said of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mooring.errors import ChildExited, StartFailed
from mooring_worker.child import Child

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_KILLED_IN_A_SHELL = 128 + 9  # what a shell, and npm's, exits with when SIGKILL ended what it ran


class OutOfMemory:
    """Counts the processes that the kernel killed for the memory of the worker's cgroup.

    The kernel says how many, not which: a child is counted as one of them when SIGKILL ended it and the
    number has grown since the last child ended or started.
    """

    def __init__(self, root: Path = _CGROUP_ROOT, own: Path = Path("/proc/self/cgroup")) -> None:
        self._file = _file_of_kills(root, own)
        self._counted = self._kills()

    def note_start(self) -> None:
        self._counted = self._kills()

    def killed(self, child: Child) -> bool:
        """Return whether memory killed `child`, which has just ended; to be asked once."""
        kills = self._kills()
        may_be = child.signal_name == "SIGKILL" or child.exit_code == _KILLED_IN_A_SHELL
        if may_be and kills > self._counted:
            self._counted += 1  # the others may be of children that are still to be reaped
            return True
        self._counted = kills
        return False

    def _kills(self) -> int:
        if self._file is None:
            return 0
        try:
            return _kills(self._file)
        except OSError:
            return 0


@dataclass(frozen=True, slots=True)
class Death:
    how: str
    """What is said of it: `exited with code 3`."""
    data: dict[str, object]
    """`exitCode`, `signal` and, if so, `outOfMemory`."""

    @classmethod
    def of(cls, child: Child, is_out_of_memory: bool, verdict: str = "") -> Self:
        exit_code, signal_name = child.exit_code, child.signal_name
        how = f"was killed by {signal_name}" if signal_name else f"exited with code {exit_code}"
        data: dict[str, object] = {"exitCode": exit_code, "signal": signal_name}
        if verdict:
            how = f"was killed because it {verdict}"
            data["limit"] = verdict
        elif is_out_of_memory:
            how = "was killed because memory ran out"
            data["outOfMemory"] = True
        return cls(how, data)


def obituary(death: Death, stderr: list[str] | None, *, has_spoken: bool) -> ChildExited:
    """Return the error that a session's requests get once its child has ended; `stderr` is for the owner."""
    data = dict(death.data)
    if stderr is not None:
        data["stderr"] = stderr
    if has_spoken:
        return ChildExited(f"the server {death.how}; connect again to start another", data)
    return StartFailed(f"the server {death.how} before its first message", data)


def _file_of_kills(root: Path, own: Path) -> Path | None:
    """Return the file with the counter `oom_kill`: of cgroup 2, else of cgroup 1, if the kernel has one."""
    try:
        lines = own.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    candidates = []
    if "" in paths:
        candidates += [root / paths[""].lstrip("/") / "memory.events", root / "memory.events"]
    if "memory" in paths:  # a container sees its own at the root
        version_1 = root / "memory"
        candidates += [version_1 / paths["memory"].lstrip("/") / "memory.oom_control"]
        candidates += [version_1 / "memory.oom_control"]
    for candidate in candidates:
        try:
            _kills(candidate)
        except (OSError, KeyError):
            continue
        return candidate
    return None


def _kills(file: Path) -> int:
    counters = dict(line.split() for line in file.read_text(encoding="ascii").splitlines())
    return int(counters["oom_kill"])
