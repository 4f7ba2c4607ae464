"""Which Mooring the command talks to."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from mooring.client.registry import Registry
from mooring.settings import LocalSettings
from mooring_cli import credentials
from mooring_cli.failures import Failure

_P = ParamSpec("_P")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
        return urlsplit(self.url).hostname in LOOPBACK


def pass_target(command: Callable[Concatenate[Target, _P], None]) -> Callable[_P, None]:
    """Give a command the Mooring it talks to as its first argument."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        command(find(LocalSettings.read()), *args, **kwargs)

    return run


def find(settings: LocalSettings) -> Target:
    """Return the Mooring to talk to, the first there is of these:

    1. the one that `MOORING_URL` names, with `MOORING_API_KEY` or the key of a login to it;
    2. the one that runs in `MOORING_HOME`, with `MOORING_API_KEY` or its operator's key;
    3. the one that was logged in to last.

    Raises:
        Failure: there is none.
    """
    if settings.url:
        return _named(settings)
    run = running_here(settings)
    if run:
        return Target(run["url"], run["ws_url"], settings.api_key or run["api_key"])
    login = credentials.current()
    if login is None:
        raise Failure(
            "Mooring is not running here", "Start it: make up. Or use another one: mooring login <url>"
        )
    return Target(login.url, login.ws_url, login.api_key)


def running_here(settings: LocalSettings) -> dict[str, str] | None:
    """Return what `mooring up` has written about itself, if it is running."""
    try:
        run = json.loads((Path(settings.home) / "run.json").read_text(encoding="utf-8"))
        found, pid = {name: run[name] for name in ("url", "ws_url", "api_key")}, run["pid"]
    except (OSError, ValueError, KeyError):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # another user's process
    return found


def ws_url_of(url: str) -> str:
    # One host serves both: http becomes ws, https becomes wss.
    return "ws" + url.rstrip("/").removeprefix("http")


def _named(settings: LocalSettings) -> Target:
    url = settings.url.rstrip("/")
    login = None if settings.api_key else credentials.of(url)
    api_key = login.api_key if login else settings.api_key
    if not api_key:
        raise Failure(f"No API key for {settings.url}", "Log in, mooring login <url>, or set MOORING_API_KEY")
    return Target(url, ws_url_of(url), api_key)
