"""The manifest.json of a `.mcpb` as a launch rule (no I/O)."""

import re
from pathlib import Path
from typing import Any

from mooring_local import mcpb
from mooring_local.packages import BuildFailed, Launch

Document = dict[str, Any]

_PLACE = re.compile(r"\$\{([^{}]+)\}")
_HOMES = ("HOME", "DESKTOP", "DOCUMENTS", "DOWNLOADS")
_PLATFORM = "linux"


def rule(manifest: Document) -> Launch:
    """Return the launch rule that `server.mcp_config` is, with what it says for this platform.

    Raises:
        BuildFailed: it says no command.
    """
    server = manifest.get("server")
    server = server if isinstance(server, dict) else {}
    start = _object(server.get("mcp_config"))
    start |= _object(_object(start.get("platform_overrides")).get(_PLATFORM))
    command = start.get("command")
    if not isinstance(command, str) or not command:
        raise BuildFailed("manifest.json has no server.mcp_config.command", "Add it; see the .mcpb manifest")
    asked = _object(manifest.get("user_config"))
    arguments = start.get("args")
    args = [_filled(str(argument), asked) for argument in (arguments if isinstance(arguments, list) else [])]
    env = {
        str(name): _filled(str(text), asked, spread=False) for name, text in _object(start.get("env")).items()
    }
    launch: Launch = {"command": _filled(command, asked, spread=False), "args": args}
    return {**launch, "env": env} if env else launch


def kind(manifest: Document) -> str:
    """Return what the server is written in: `node`, `python`, `uv`, `binary`, or empty."""
    server = manifest.get("server")
    return str(server.get("type") or "") if isinstance(server, dict) else ""


def schema(manifest: Document) -> Document | None:
    return mcpb.schema(manifest.get("user_config"))


def entry_point(manifest: Document, folder: Path) -> Path | None:
    """Return the file that the manifest says the server is, where it lies in `folder`."""
    server = manifest.get("server")
    name = server.get("entry_point") if isinstance(server, dict) else None
    path = folder / name if isinstance(name, str) and name else None
    return path if path and path.is_file() and path.resolve().is_relative_to(folder.resolve()) else None


def _filled(text: str, asked: Document, *, spread: bool = True) -> str:
    whole = _PLACE.fullmatch(text)
    name = whole[1].removeprefix("user_config.") if whole and whole[1].startswith("user_config.") else ""
    if spread and _object(asked.get(name)).get("multiple"):
        return f"${{config.{name}[]}}"
    return _PLACE.sub(lambda found: _place(found[1]), text)


def _place(name: str) -> str:
    if name == "__dirname":
        return "${bundle}"
    if name in ("/", "pathSeparator"):
        return "/"
    if name in _HOMES:
        return "${session}"
    if name.startswith("user_config."):
        return f"${{config.{name.removeprefix('user_config.')}}}"
    return f"${{{name}}}"


def _object(value: object) -> Document:
    return dict(value) if isinstance(value, dict) else {}
