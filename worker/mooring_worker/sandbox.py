"""What a session's child may see and use: its folder, environment, user and limits."""

import asyncio
import os
import resource
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from mooring.errors import InvalidRequest, LimitReached, StartFailed
from mooring.launch import Launch
from mooring.settings import WorkerSettings, inherited
from mooring_worker import users
from mooring_worker.child import Child
from mooring_worker.forensics import OutOfMemory
from mooring_worker.orphans import TAG, Orphans

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_LOCALE = ("LANG", "LC_ALL")
_SESSION_ID = "MOORING_SESSION_ID"  # for the child to put into its own logs
_PROBE_SECONDS = 5.0
_DATA_FACTOR = 4  # V8 and thread stacks reserve far more than they use


def command_path(settings: WorkerSettings) -> str:
    """Return the PATH of children."""
    return f"{settings.runtime_path}:{_SYSTEM_PATH}".removeprefix(":")


class Sandboxes:
    """Gives each session its own folder and, where configured, its own uid."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.folder = Path(settings.home).resolve() / "sessions"
        self._settings = settings
        self.uids = _uids(settings.child_uids) if users.may_be_changed() else range(0)
        self._free_uids = list(self.uids)
        self._separates_users = bool(self._free_uids)
        self._out_of_memory = OutOfMemory()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # each child passes through to its own folder and lists nobody's

    def create(self, session_id: str) -> "Sandbox":
        """Make the session's folder.

        Raises:
            LimitReached: every uid is taken.
        """
        uid = None
        if self._separates_users:
            if not self._free_uids:
                raise LimitReached("every uid of this worker is taken")
            uid = self._free_uids.pop(0)
        directory = self.folder / session_id
        directory.mkdir(mode=0o700)
        if uid is not None:
            os.chown(directory, uid, uid)  # ours is the folder above
        return Sandbox(directory, uid, self._settings, self._free_uids, self._out_of_memory)


class Sandbox:
    __slots__ = ("_out_of_memory", "_settings", "_uids", "directory", "is_out_of_memory", "uid", "verdict")

    def __init__(
        self,
        directory: Path,
        uid: int | None,
        settings: WorkerSettings,
        uids: list[int],
        out_of_memory: OutOfMemory,
    ) -> None:
        self.directory = directory
        self.uid = uid
        self.is_out_of_memory = False
        """The kernel has killed the child for its memory."""
        self.verdict = ""
        """Which limit the session has overstepped, and was ended for."""
        self._settings = settings
        self._uids = uids
        self._out_of_memory = out_of_memory

    def spawn(self, launch: Launch) -> subprocess.Popen[bytes]:
        """Start `launch` in a process group of its own, with a pipe on each standard stream.

        Through vfork wherever `setpriv` does what would need code between fork and exec: a fork costs what
        the worker's memory costs. SIGKILL on the death of the worker comes with `setpriv` only.

        Raises:
            StartFailed: says what could not be executed and how to mend it.
        """
        env = self._environment(launch)
        cwd = launch.cwd
        command = launch.argv[0]
        if not Path(cwd).is_dir():
            raise StartFailed("the server's working folder does not exist; correct launch.cwd of the release")
        if not _executable(command, env["PATH"], cwd):
            raise StartFailed(
                f"the command {command!r} was not found; install it on the worker or correct launch.command"
            )
        privileges = _setpriv()
        prefix = [] if privileges is None else [privileges, *_restrictions(), *self._user_options()]
        limiter = _prlimit() if self.uid is not None else None
        if limiter:  # nobody but the process itself may limit one of another user
            prefix = [limiter, *self._limit_options(), *prefix]
        user = self.uid if privileges is None else None
        try:
            process = subprocess.Popen(
                [*prefix, *launch.argv],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        except OSError as error:
            raise StartFailed(f"the command {command!r} could not be executed: {error.strerror}") from error
        if not limiter:
            self._limit(process.pid)
        self._out_of_memory.note_start()
        return process

    def note_exit(self, child: Child) -> None:
        """Find out, as soon as the child has ended, what ended it."""
        self.is_out_of_memory = self._out_of_memory.killed(child)

    async def clean(self, orphans: Orphans) -> None:
        """End what the child has left running, and delete the folder."""
        await orphans.end(str(self.directory))
        await self.remove()

    async def remove(self) -> None:
        """Delete the folder and give the uid back; no process of the session may be left."""
        if not self.directory.exists():
            return
        # Nobody else is to have the uid of a process that will not die.
        is_free = self.uid is None or await asyncio.to_thread(users.forget, self.uid)
        try:
            self.directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # not empty: may hold a package cache of thousands of files
            await asyncio.to_thread(shutil.rmtree, self.directory, ignore_errors=True)
        if self.uid is not None and is_free:
            self._uids.append(self.uid)

    def _environment(self, launch: Launch) -> dict[str, str]:
        home = str(self.directory)
        path = launch.env.get("PATH") or command_path(self._settings)
        return {
            "LANG": "C.UTF-8",
            **inherited(_LOCALE),
            "HOME": home,
            "TMPDIR": home,
            **launch.env,
            "PATH": ":".join([*launch.path, path]),
            TAG: home,
            _SESSION_ID: self.directory.name,
        }

    def _user_options(self) -> list[str]:
        if self.uid is None:
            return []
        return [f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]

    def _limit(self, pid: int) -> None:
        limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: self._settings.child_open_files}
        for kind, limit in limits.items():
            with suppress(ProcessLookupError, PermissionError):  # it ended at once, or our own limit is lower
                resource.prlimit(pid, kind, (limit, limit))

    def _limit_options(self) -> list[str]:
        settings = self._settings
        options = ["--core=0", f"--nofile={settings.child_open_files}"]
        if settings.child_processes:
            options.append(f"--nproc={settings.child_processes}")
        if settings.child_disk_bytes:
            options.append(f"--fsize={settings.child_disk_bytes}")
        if settings.child_memory_bytes:  # of one process, between two looks of the watchdog
            options.append(f"--data={_DATA_FACTOR * settings.child_memory_bytes}")
        return options


@cache
def _prlimit() -> str | None:
    """Return the path of `prlimit` (util-linux), if there is one."""
    return shutil.which("prlimit", path=_SYSTEM_PATH)


@cache
def _restrictions() -> tuple[str, ...]:
    """Return what holds for every child. Root's has no capability: a bundle is read-only to it too."""
    always = ("--pdeathsig=KILL", "--no-new-privs")
    if not users.may_be_changed():
        return always
    # A change from one user to another that is not root's would leave them.
    return (*always, "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")


@cache
def _setpriv() -> str | None:
    """Return the path of a `setpriv` that knows our options (util-linux 2.33; busybox's does not)."""
    found = shutil.which("setpriv", path=_SYSTEM_PATH)
    if found is None:
        return None
    try:
        probe = subprocess.run(
            [found, *_restrictions(), "true"], capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if probe.returncode == 0 else None


def _executable(command: str, path: str, cwd: str) -> bool:
    if "/" in command:  # relative to where the child starts, not to where the worker does
        return os.access(Path(cwd, command), os.X_OK)
    return shutil.which(command, path=path) is not None


def _uids(text: str) -> range:
    if not text:
        return range(0)
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) <= int(last)):
        raise InvalidRequest("MOORING_CHILD_UIDS must be first-last, such as 20000-29999")
    return range(int(first), int(last) + 1)
