"""Entries of the official registry's API as servers of this one (no I/O).

`docs/import.md` has the table of what becomes what.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mooring.errors import InvalidRequest
from mooring.imports import server_json
from mooring.imports.form import Form, config_schema, variable_names
from mooring.imports.naming import names
from mooring.imports.server_json import Input, Package, ServerJson, Standing, Transport

Document = dict[str, Any]

_REMOTE_TYPES = {"streamable-http": "http", "http": "http", "sse": "sse", "ws": "ws", "websocket": "ws"}
# A list names the same package in several ways; the one that is easiest to host comes first.
_PACKAGE_ORDER = ("npm", "pypi", "oci", "mcpb", "nuget")
_WEB_ADDRESS = re.compile(r"https?://\S{1,1900}")
_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Imported:
    """A server to write, or to delete."""

    label: str
    """What to call it in a report: its name there, or its line."""
    names: tuple[str, ...]
    """What it may be called here, best first."""
    server: Document
    """An entry of `POST /servers/batch`, its `qualifiedName` apart."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be imported, and why."""

    label: str
    reason: str


def imported(entries: Iterable[Any], registry: str) -> Iterator[Imported | Refused]:
    """Yield what becomes of the entries of a page or a saved answer: of each server, its newest version.

    `registry` is the name of the source that every server is given.
    """
    newest: dict[str, _Entry] = {}
    for entry in entries:
        try:
            read = _Entry.read(entry)
            names(read.described.name)
        except InvalidRequest as error:
            yield Refused(_label(entry), error.message)
            continue
        known = newest.get(read.described.name)
        if read.standing.is_latest is not False and (known is None or read.age > known.age):
            newest[read.described.name] = read
    for one in newest.values():
        yield one.imported(registry)


@dataclass(frozen=True, slots=True)
class _Entry:
    described: ServerJson
    standing: Standing
    document: Document
    """What `described` was read from."""

    @classmethod
    def read(cls, entry: Any) -> "_Entry":
        document = _document(entry)
        meta = entry.get("_meta") if isinstance(entry, dict) else None
        return cls(server_json.read(document), server_json.standing(meta), document)

    @property
    def age(self) -> tuple[bool, tuple[int, ...], bool]:
        """Sorts the versions of a server; one before its release (`1.0.0-beta`) is older than it."""
        numbers, _, preliminary = self.described.version.partition("-")
        digits = tuple(int(number[:18]) for number in re.findall(r"[0-9]+", numbers))
        return self.standing.is_latest is True, digits, not preliminary

    def imported(self, registry: str) -> Imported:
        name = self.described.name
        said = {
            "registry": registry,
            "name": name,
            "version": self.described.version,
            "updatedAt": self.standing.updated_at,
            "status": self.standing.status,
        }
        source = {key: value for key, value in said.items() if value}
        if self.standing.status == _DELETED:
            return Imported(name, names(name), {"deleted": True, "source": source})
        return Imported(name, names(name), {**_server(self.described, self.document), "source": source})


def _server(described: ServerJson, document: Document) -> Document:
    packages = sorted(
        zip(described.packages, document.get("packages") or [], strict=True), key=lambda pair: _rank(pair[0])
    )
    remotes = [remote for remote in described.remotes if remote.type in _REMOTE_TYPES]
    forms = [*(_package_form(package) for package, _ in packages), *map(_remote_form, remotes)]
    server = {
        "displayName": described.title or described.name.rpartition("/")[2],
        "description": described.description,
        "homepage": _web_address(described.website_url, described.repository.url),
        "repository": described.repository.url,
        "iconUrl": _web_address(*(icon.src for icon in described.icons)),
        "version": described.version,
        "packages": [document for _, document in packages],
        "remotes": [_remote(remote) for remote in remotes],
        "configSchema": config_schema(forms),
    }
    return {name: value for name, value in server.items() if value}


def _package_form(package: Package) -> Form:
    form = Form()
    for variable in package.environment_variables:
        form.add(variable.name, "env", variable)
    for argument in (*package.runtime_arguments, *package.package_arguments):
        name = argument.name or argument.value_hint
        form.add(name, "argument", argument, is_repeated=argument.is_repeated)
    return form


def _remote_form(remote: Transport) -> Form:
    form = Form()
    for header in remote.headers:
        form.add(header.name, "header", header)
    for name in variable_names(remote.url):
        # Without a value for each of them it is no address.
        form.add_variable(name, remote.variables.get(name, Input()), is_required=True)
    return form


def _remote(remote: Transport) -> Document:
    described: Document = {"type": _REMOTE_TYPES[remote.type], "url": remote.url}
    if remote.headers:
        described["headers"] = [_given(header) for header in remote.headers]
    if remote.variables:
        described["variables"] = {name: _given(one) for name, one in remote.variables.items()}
    return described


def _given(part: Input) -> Document:
    return part.model_dump(by_alias=True, exclude_unset=True)


def _rank(package: Package) -> int:
    kind = package.registry_type
    return _PACKAGE_ORDER.index(kind) if kind in _PACKAGE_ORDER else len(_PACKAGE_ORDER)


def _web_address(*candidates: str) -> str:
    """Return the first candidate that a browser can open."""
    return next((url for url in candidates if _WEB_ADDRESS.fullmatch(url)), "")


def _document(entry: Any) -> Any:
    """Return the server.json of an entry; a plain server.json is its own."""
    return entry["server"] if isinstance(entry, dict) and "server" in entry else entry


def _label(entry: Any) -> str:
    document = _document(entry)
    name = document.get("name") if isinstance(document, dict) else None
    return name if isinstance(name, str) and name else "an entry without a name"
