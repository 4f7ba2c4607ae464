"""A part of the local run that works by itself (the indexer, the builder), as who starts it sees it.

One process, and another when that has died.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mooring import settings
from mooring_local import processes

_AGAIN_SECONDS = 2.0


class BackgroundProcess:
    """`module` is what it runs, with `arguments`; `variables` are those of functions."""

    def __init__(self, module: str, variables: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._environment = {**settings.whole(), **variables}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_to_start(self) -> bool:
        """Whether it has died, and not just now: it may be that it cannot live."""
        is_gone = self._process is not None and self._process.poll() is not None
        return is_gone and time.monotonic() - self._started_at >= _AGAIN_SECONDS

    def start(self) -> None:
        """Start a process, the first one or in the place of one that has died."""
        if self._process:
            processes.close_input(self._process)
        self._started_at = time.monotonic()
        self._process = processes.spawn(self._command, self._environment, self._log)

    def kill(self) -> None:
        """End it as a crash does, and wait for that."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it; the next one begins with what it leaves undone."""
        if self._process:
            processes.stop(self._process)
