"""The bundles on this worker's disk: fetched where an order says from, kept while there is room.

Each is a folder `{digest}` that nobody changes. Those that no session uses go, the least recently used first,
when what was fetched takes more than `bundles_bytes`.
"""

import asyncio
import json
import logging
import os
import re
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mooring import trees
from mooring.errors import BundleUnusable, InvalidRequest
from mooring.settings import WorkerSettings
from mooring_worker.sandbox import command_path

_DIGEST = re.compile(r"[0-9a-f]{64}")
_FETCHED = ".fetched-"
"""Marks, beside a bundle, that it can be fetched again: it holds its size in bytes."""
_GOING = ".build-gone-"  # swept like what a killed maker left
_FETCHES = 2  # at once: each takes a core
_COMPILE_SECONDS = 20.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    size_bytes: int
    used_at: float
    """Of the wall clock, as it outlives this process."""


class Bundles:
    def __init__(self, settings: WorkerSettings) -> None:
        self.folder = Path(settings.home).resolve() / "bundles"
        self._settings = settings
        self._kept: dict[str, _Kept] = {}
        """What was fetched; what was built here, or put here by others, is theirs to remove."""
        self._holds: Counter[str] = Counter()
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._reserved: dict[str, int] = {}
        """Bytes, for what is being fetched."""
        self._slots = asyncio.Semaphore(_FETCHES)
        self._read()

    @property
    def fetched_bytes(self) -> int:
        return sum(kept.size_bytes for kept in self._kept.values())

    def hold(self, digest: str) -> None:
        """Keep a bundle, or its place, until it is let go as often as it was held."""
        self._holds[digest] += 1
        self._note_use(digest)

    def let_go(self, digest: str) -> None:
        self._holds[digest] -= 1
        if self._holds[digest] <= 0:
            del self._holds[digest]

    def fetch(self, digest: str, url: str) -> "asyncio.Task[None] | None":
        """Return what waits for a bundle that is not here, None for one that is, or that no URL leads to.

        Sessions that want the same bundle wait for the same fetch. The task raises BundleUnusable.

        Raises:
            InvalidRequest: it is not named by a digest.
        """
        if not url or (self.folder / digest).is_dir():
            return None
        if not _DIGEST.fullmatch(digest):
            raise InvalidRequest("bundle: what is to be fetched is named by its digest, 64 hex digits")
        fetch = self._fetches.get(digest)
        if fetch is None:
            fetch = self._fetches[digest] = asyncio.create_task(self._fetch(digest, url))
            fetch.add_done_callback(lambda done: self._on_fetched(digest, done))
        return fetch

    def _on_fetched(self, digest: str, fetch: "asyncio.Task[None]") -> None:
        del self._fetches[digest]
        if not fetch.cancelled() and (error := fetch.exception()):  # whether or not a session waits still
            _logger.warning("bundle not fetched", extra={"bundle": digest, "error": str(error)})

    async def end(self) -> None:
        """End what is being fetched."""
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        if fetches:
            await asyncio.wait(fetches)

    async def _fetch(self, digest: str, url: str) -> None:
        async with self._slots:
            started_at = asyncio.get_running_loop().time()
            await self._make_room()
            self._reserved[digest] = self._room()
            try:
                size_bytes = await self._run(digest, url, self._reserved[digest])
            finally:
                del self._reserved[digest]
            (self.folder / f"{_FETCHED}{digest}").write_text(str(size_bytes))
            self._kept[digest] = _Kept(size_bytes, 0.0)
            self._note_use(digest)
            await self._make_room(but=digest)
            seconds = round(asyncio.get_running_loop().time() - started_at, 3)
            _logger.info("bundle fetched", extra={"bundle": digest, "bytes": size_bytes, "seconds": seconds})

    def _room(self) -> int:
        """Return how large a bundle may be: what sessions use is not given up for it."""
        allowed = self._settings.bundle_bytes
        if not self._settings.bundles_bytes:
            return allowed
        in_use = sum(kept.size_bytes for digest, kept in self._kept.items() if self._holds[digest])
        return min(allowed, self._settings.bundles_bytes - in_use - sum(self._reserved.values()))

    async def _run(self, digest: str, url: str, room: int) -> int:
        """Have the process of `bundle_fetch` do it; return the size of the bundle."""
        if room <= 0:
            raise BundleUnusable("sessions use all the space for bundles on this worker; try again later")
        order = {
            "url": url,  # on stdin: an address that grants access is not to be seen in a list of processes
            "digest": digest,
            "folder": str(self.folder),
            "size_bytes": room,
            "files": self._settings.bundle_files,
            "python_path": command_path(self._settings),
            "compile_seconds": _COMPILE_SECONDS,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "mooring_worker.bundle_fetch"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8"},  # no credentials
            start_new_session=True,
        )
        seconds = self._settings.bundle_fetch_seconds
        try:
            async with asyncio.timeout(seconds):
                said, _ = await process.communicate(json.dumps(order).encode())
        except TimeoutError:
            raise BundleUnusable(f"the bundle was not here after {seconds:g} seconds; try again") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)  # its compilers too
            await process.wait()
        return _size(said)

    async def _make_room(self, *, but: str = "") -> None:
        limit = self._settings.bundles_bytes
        if not limit:
            return
        idle = [digest for digest in self._kept if not self._holds[digest] and digest != but]
        for digest in sorted(idle, key=lambda digest: self._kept[digest].used_at):
            if self.fetched_bytes <= limit:
                return
            if self._holds[digest]:  # since the last one was removed
                continue
            await self._remove(digest)

    async def _remove(self, digest: str) -> None:
        size_bytes = self._kept.pop(digest).size_bytes
        going = self.folder / f"{_GOING}{digest}"
        trees.remove(going)
        (self.folder / digest).rename(going)  # at once: a session that starts now fetches it again
        (self.folder / f"{_FETCHED}{digest}").unlink(missing_ok=True)
        await asyncio.to_thread(trees.remove, going)
        _logger.info("bundle removed", extra={"bundle": digest, "bytes": size_bytes})

    def _note_use(self, digest: str) -> None:
        if kept := self._kept.get(digest):
            mark = self.folder / f"{_FETCHED}{digest}"
            with suppress(OSError):
                os.utime(mark)
                kept.used_at = mark.stat().st_mtime

    def _read(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for mark in self.folder.glob(f"{_FETCHED}*"):
            digest, size = mark.name.removeprefix(_FETCHED), mark.read_text()
            if (self.folder / digest).is_dir() and size.isdigit():
                self._kept[digest] = _Kept(int(size), mark.stat().st_mtime)
            else:
                mark.unlink()


def _size(said: bytes) -> int:
    """Return what `bundle_fetch` printed; raises BundleUnusable if that is an error, or nothing."""
    try:
        answer = json.loads(said)
    except ValueError:
        raise BundleUnusable("the process that unpacks the bundle ended early; try again") from None
    if "error" in answer:
        raise BundleUnusable(answer["error"])
    return int(answer["bytes"])
