"""The folder of one local Mooring: its keys, its state, its logs, and who runs it."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any


class Home:
    """Made on first use; readable by its owner only, for it holds keys."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.state = self.path / "state"
        self.worker = self.path / "worker"
        self.index = self.path / "index"
        self.uploads = self.path / "uploads"
        self.run_file = self.path / "run.json"
        self.processes_file = self.path / "processes.json"
        for folder in (self.path, self.logs, self.state, self.worker, self.index, self.uploads):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def secret_key(self) -> str:
        """Return the key that seals stored configurations, base64; made once."""
        return self._once("secret.key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    def operator_key(self) -> str | None:
        """Return the API key of this machine's operator, if there is one yet."""
        path = self.path / "operator.key"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def keep_operator_key(self, key: str) -> None:
        write_private(self.path / "operator.key", key)

    def running(self) -> dict[str, Any] | None:
        """Return what `run.json` says, if the process it names is alive."""
        try:
            run: dict[str, Any] = json.loads(self.run_file.read_text(encoding="utf-8"))
            os.kill(run["pid"], 0)
        except (OSError, ValueError, KeyError):
            return None
        return run

    def _once(self, name: str, make: Any) -> str:
        path = self.path / name
        if not path.exists():
            write_private(path, make())
        return path.read_text(encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Replace `path` at once by a file with mode 0600."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    fresh.replace(path)
