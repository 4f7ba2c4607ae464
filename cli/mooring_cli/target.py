"""Which Mooring the command talks to."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from mooring.client.registry import Registry
from mooring.settings import LocalSettings
from mooring_cli.failures import Failure

_P = ParamSpec("_P")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Target:
    url: str
    ws_url: str
    api_key: str = field(repr=False)

    @property
    def registry(self) -> Registry:
        return Registry(self.url, self.api_key)

    @property
    def credentials(self) -> dict[str, str]:
        """Headers for a connect URL that holds no key: URLs end up in logs and process lists."""
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def is_this_machine(self) -> bool:
        return urlsplit(self.url).hostname in _LOOPBACK


def pass_target(command: Callable[Concatenate[Target, _P], None]) -> Callable[_P, None]:
    """Give a command the Mooring it talks to as its first argument."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        command(find(LocalSettings.read()), *args, **kwargs)

    return run


def find(settings: LocalSettings) -> Target:
    """Return the Mooring that `MOORING_URL` names, or else the one that runs in `MOORING_HOME`.

    Raises:
        Failure: there is none.
    """
    if settings.url:
        if not settings.api_key:
            raise Failure(f"No API key for {settings.url}", "Set MOORING_API_KEY to one of its keys")
        return Target(settings.url.rstrip("/"), _ws_url(settings.url), settings.api_key)
    try:
        run = json.loads((Path(settings.home) / "run.json").read_text(encoding="utf-8"))
        return Target(run["url"], run["ws_url"], settings.api_key or run["api_key"])
    except (OSError, ValueError, KeyError) as error:
        raise Failure("Mooring is not running here", "Start it: make up. Or set MOORING_URL") from error


def _ws_url(url: str) -> str:
    # One host serves both: http becomes ws, https becomes wss.
    return "ws" + url.rstrip("/").removeprefix("http")
