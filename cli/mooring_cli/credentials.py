"""The Moorings that the user has logged in to, in a file that nobody else may read."""

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring.settings import configuration_folder
from mooring_cli.failures import Failure

FILE = "credentials.json"


@dataclass(frozen=True)
class Login:
    url: str
    ws_url: str
    api_key: str = field(repr=False)


def current() -> Login | None:
    """Return the login that commands use; None: there is none."""
    kept = _read()
    return _login(kept, kept["current"])


def of(url: str) -> Login | None:
    """Return the login to one Mooring."""
    return _login(_read(), url.rstrip("/"))


def keep(login: Login) -> Path:
    """Make `login` the one that commands use; return the file it is in."""
    kept = _read()
    kept["logins"][login.url] = {"wsUrl": login.ws_url, "apiKey": login.api_key}
    return _write({**kept, "current": login.url})


def forget(url: str | None = None) -> str | None:
    """Forget one login, or the current one; return its address, None if there was none."""
    kept = _read()
    url = url.rstrip("/") if url else kept["current"]
    if url not in kept["logins"]:
        return None
    del kept["logins"][url]
    _write({**kept, "current": None if kept["current"] == url else kept["current"]})
    return url


def _login(kept: dict[str, Any], url: str | None) -> Login | None:
    found = kept["logins"].get(url)
    return Login(str(url), found["wsUrl"], found["apiKey"]) if found else None


def _path() -> Path:
    return configuration_folder() / FILE


def _read() -> dict[str, Any]:
    path = _path()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Failure(f"{path} holds API keys and others may read it", f"Run: chmod 600 {path}")
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"current": kept["current"], "logins": dict(kept["logins"])}
    except FileNotFoundError:
        return {"current": None, "logins": {}}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"{path} cannot be read as what mooring login writes", f"Remove it: rm {path}"
        ) from error


def _write(kept: dict[str, Any]) -> Path:
    from mooring_local.home import write_private

    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, json.dumps(kept, indent=2) + "\n")
    return path
