"""What was built of which input: a release of an unchanged input is made of the bundle there is.

An input belongs to its server: what one publisher's builds leave in their cache never gets into another's.
"""

import hashlib
import json
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from mooring_local.home import write_private
from mooring_local.packages import RECIPE


class Inputs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def find(self, server: str, identity: str) -> dict[str, Any] | None:
        """Return what `keep` was given; None: that was never built."""
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self._path(server, identity).read_text(encoding="utf-8"))
            return found
        return None

    def keep(self, server: str, identity: str, built: dict[str, Any]) -> None:
        write_private(self._path(server, identity), json.dumps(built))

    def _path(self, server: str, identity: str) -> Path:
        made_by = [RECIPE, platform.machine(), platform.python_version(), server, identity]
        return self._folder / f"{hashlib.sha256(json.dumps(made_by).encode()).hexdigest()}.json"
