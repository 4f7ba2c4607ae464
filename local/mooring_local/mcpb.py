"""`.mcpb` bundles: a zip with a `manifest.json` that says how its server is started.

Only the manifest is taken out, into memory. The names in the archive are checked all the same, so that a plan
never promises what a build would refuse.
"""

import json
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mooring_local.plans import Plan, session_config

MAX_ARCHIVE_BYTES = 50 * 1024 * 1024
MAX_BYTES = 250 * 1024 * 1024
MAX_FILES = 20_000
_MAX_MANIFEST = 1024 * 1024
_PLACE = re.compile(r"\$\{([^{}]+)\}")
_TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "directory": "string",
    "file": "string",
}

Document = dict[str, Any]


class InvalidBundle(ValueError):
    """Says what is wrong with the archive."""


def plan(path: Path, config: Mapping[str, Any] | None = None) -> Plan:
    """Plan the server of a bundle."""
    try:
        return of_manifest(manifest(path), config)
    except InvalidBundle as error:
        return Plan("invalid", reason=str(error))


def manifest(path: Path) -> Document:
    """Return the manifest of an archive that could be unpacked safely.

    Raises:
        InvalidBundle: it is no zip, too large, or has a name that leads out of its folder.
    """
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise InvalidBundle(f"the bundle has more than {MAX_ARCHIVE_BYTES // 1024**2} MB")
    try:
        with zipfile.ZipFile(path) as archive:
            check(archive.infolist())
            with archive.open("manifest.json") as file:
                text = file.read(_MAX_MANIFEST + 1)
    except KeyError as error:
        raise InvalidBundle("the bundle has no manifest.json") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise InvalidBundle("the bundle is no zip that can be read") from error
    try:
        document = json.loads(text) if len(text) <= _MAX_MANIFEST else None
    except (ValueError, RecursionError) as error:
        raise InvalidBundle("manifest.json is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidBundle("manifest.json is no object, or has more than 1 MB")
    return document


def check(entries: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose content would be too large or would not stay in one folder.

    Raises:
        InvalidBundle
    """
    if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise InvalidBundle(f"the bundle unpacks to more than {MAX_FILES} files or {MAX_BYTES // 1024**2} MB")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if "\0" in name or name.startswith("/") or ".." in parts or (parts and parts[0].endswith(":")):
            raise InvalidBundle(f"the bundle has a name that leads out of it: {name[:80]!r}")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidBundle(f"the bundle has a link or a device: {name[:80]!r}")
        if name.rstrip("/") in seen:
            raise InvalidBundle(f"the bundle has a name twice: {name[:80]!r}")
        seen.add(name.rstrip("/"))


def of_manifest(document: Document, config: Mapping[str, Any] | None = None) -> Plan:
    """Plan what a manifest says."""
    asked = schema(document.get("user_config"))
    server = document.get("server")
    start = server.get("mcp_config") if isinstance(server, dict) else None
    if not isinstance(start, dict) or not isinstance(start.get("command"), str):
        return Plan("invalid", None, asked, "manifest.json has no server.mcp_config.command")
    values = session_config(asked, None, config)
    arguments = start.get("args")
    args: list[str] = []
    for argument in arguments if isinstance(arguments, list) else []:
        args += _filled(str(argument), values)
    variables = start.get("env")
    env = {
        str(name): ",".join(_filled(str(text), values))
        for name, text in (variables if isinstance(variables, dict) else {}).items()
    }
    command = "".join(_filled(start["command"], values))
    return Plan("stdio", {"command": command, "args": args, "env": env}, asked)


def _filled(text: str, values: Mapping[str, Any]) -> list[str]:
    """Return `text` with its places filled; a list of the configuration in a place of its own is several."""
    whole = _PLACE.fullmatch(text)
    if whole and whole[1].startswith("user_config."):
        value = values.get(whole[1].removeprefix("user_config."))
        if isinstance(value, list):
            return [_text(item) for item in value]
    return [_PLACE.sub(lambda found: _place(found[1], values), text)]


def _place(name: str, values: Mapping[str, Any]) -> str:
    if name == "__dirname":
        return "${bundle}"
    if name == "/" or name == "pathSeparator":
        return "/"
    if name in ("HOME", "DESKTOP", "DOCUMENTS", "DOWNLOADS"):
        return "${session}"
    if name.startswith("user_config."):
        value = values.get(name.removeprefix("user_config."))
        return "" if value is None else _text(value)
    return f"${{{name}}}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def schema(asked: object) -> Document | None:
    """Return `user_config` as a JSON Schema."""
    if not isinstance(asked, dict) or not asked:
        return None
    properties: Document = {}
    required = []
    for name, about in asked.items():
        if not isinstance(about, dict):
            continue
        known = {key: about[key] for key in ("title", "description", "default") if key in about}
        known |= {new: about[old] for old, new in (("min", "minimum"), ("max", "maximum")) if old in about}
        property_ = {"type": _TYPES.get(str(about.get("type")), "string"), **known}
        if about.get("sensitive"):
            property_["format"] = "password"
        if about.get("multiple"):
            default = {"default": property_.pop("default")} if "default" in property_ else {}
            property_ = {"type": "array", "items": property_, **default}
        properties[str(name)] = property_
        if about.get("required"):
            required.append(str(name))
    return {"type": "object", "properties": properties, "required": required}
