"""Where the user of this machine keeps what programs are to remember."""

import os
from collections.abc import Mapping
from pathlib import Path


def configuration_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `$XDG_CONFIG_HOME/mooring`, `~/.config/mooring` where that is not set or not absolute."""
    given = Path(environ.get("XDG_CONFIG_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".config") / "mooring"
