"""Source documents: what a release is asked to be made of, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from mooring_local import published, repositories
from mooring_local.packages import BuildFailed
from mooring_local.repositories import Address, CannotFetch

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TYPES = "git, npm, pypi, upload or server.json"


@dataclass(frozen=True)
class Git:
    address: Address


@dataclass(frozen=True)
class Registry:
    name: str
    """`npm` or `pypi`."""
    spec: str


@dataclass(frozen=True)
class Upload:
    sha256: str
    name: str
    folder: str


@dataclass(frozen=True)
class Document:
    content: dict[str, Any] = field(repr=False)


def read(source: Mapping[str, Any]) -> Git | Registry | Upload | Document:
    """Read a source document.

    Raises:
        BuildFailed: names the member that cannot be used.
    """
    match source.get("type"):
        case "git":
            try:
                found = repositories.address(
                    _text(source, "url"), _text(source, "ref"), _text(source, "folder")
                )
            except (CannotFetch, ValueError) as error:
                raise BuildFailed(
                    f"source: {error}", "Give the https address of a public repository"
                ) from error
            return Git(found)
        case "npm" | "pypi" as name:
            spec = _text(source, "spec")
            if not (published.NPM_SPEC if name == "npm" else published.PYPI_SPEC).fullmatch(spec):
                written = (
                    "name, @scope/name or name@version"
                    if name == "npm"
                    else "name, name==version or name[extra]"
                )
                raise BuildFailed(
                    f"source.spec {spec[:80]!r} is no name of a package", f"Write it as {written}"
                )
            return Registry(name, spec)
        case "upload":
            sha256 = _text(source, "sha256")
            if not _SHA256.fullmatch(sha256):
                raise BuildFailed("source.sha256 is not 64 hex digits", "Give the SHA-256 of the upload")
            return Upload(sha256, _text(source, "name"), _folder(_text(source, "folder")))
        case "server.json":
            document = source.get("document")
            if not isinstance(document, dict):
                raise BuildFailed("source.document is not an object", "Give the server.json itself")
            return Document(document)
    raise BuildFailed(f"source.type {str(source.get('type'))[:40]!r} is not known", f"Give one of {_TYPES}")


def _text(source: Mapping[str, Any], name: str) -> str:
    value = source.get(name) or ""
    if not isinstance(value, str) or "\0" in value:
        raise BuildFailed(f"source.{name} is not a text", f"Correct source.{name}")
    return value


def _folder(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise BuildFailed(f"source.folder {text[:50]!r} leads out of the upload", "Give a folder within it")
    return text
