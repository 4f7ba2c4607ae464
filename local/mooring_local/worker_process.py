"""The worker of the local run, as who starts it sees it: one process, and another when that has died."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mooring import settings
from mooring.workers import WorkerTable
from mooring_local import processes, tables
from mooring_local.home import Home
from mooring_local.runtimes import runtime_path

_POLL_SECONDS = 0.02


class WorkerProcess:
    """`variables` are what it needs to reach the tables and @connections."""

    def __init__(self, home: Home, variables: Mapping[str, str]) -> None:
        self.id = ""
        """Of the process that was started last."""
        self.log = home.logs / "worker.log"
        self._environment = {
            **settings.inherited(("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE")),
            **variables,
            "MOORING_HOME": str(home.worker),
            "MOORING_RUNTIME_PATH": runtime_path(home.path / "runtimes"),
            "MOORING_STOP_ON_STDIN_EOF": "1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process, "started"
        return self._process.pid

    @property
    def has_died(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def start(self) -> None:
        """Start a process, the first one or in the place of one that has died, under an id of its own."""
        if self._process:
            processes.close_input(self._process)
        self.id = f"local-{secrets.token_hex(4)}"
        environment = {**self._environment, "MOORING_WORKER_ID": self.id}
        self._process = processes.spawn([sys.executable, "-P", "-m", "mooring_worker"], environment, self.log)

    async def announced(self, dynamodb: Any) -> bool:
        """Return True once placement can find it, False when it has died."""
        rows = WorkerTable(dynamodb, tables.name("workers"), fresh_seconds=0)
        while not self.has_died:
            try:
                if self.id in {row.worker_id for row in await asyncio.to_thread(rows.all)}:
                    return True
            except (BotoCoreError, ClientError):
                pass  # the emulator is being started again
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def stop(self) -> None:
        """End it, with all its sessions, without draining it: nobody is left to drain it for."""
        if self._process:
            processes.stop(self._process)
