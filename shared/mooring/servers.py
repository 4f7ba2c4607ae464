"""What the catalog knows about a server, and the items it is kept as (no I/O)."""

from dataclasses import dataclass
from typing import Any

from mooring import documents
from mooring.dynamodb import Item, from_item, to_item

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One immutable built version of a server; `id` and `created_at` are given by the catalog."""

    launch: Document
    bundle: str | None = None
    """Digest of the folder the launch rule runs in; None: it needs none."""
    config_schema: Document | None = None
    package: str | None = None
    """`npm:name@1.2.3`, where anybody can run the release locally."""
    id: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    qualified_name: str
    """`owner/name` as its owner first spelt it."""
    display_name: str
    description: str = ""
    homepage: str = ""
    repository: str = ""
    license: str = ""
    verified: bool = False
    release: Release | None = None
    tools: list[Document] | None = None
    """As last scanned, like prompts and resources; None: not scanned yet."""
    prompts: list[Document] | None = None
    resources: list[Document] | None = None
    created_at: str
    updated_at: str
    version: int
    """Of the record: every change counts it up."""

    @property
    def name(self) -> str:
        """What two spellings of its name share, and the key of the catalog."""
        return self.qualified_name.lower()

    @property
    def is_deployed(self) -> bool:
        return self.release is not None


_RELEASE_DOCUMENTS = ("launch", "config_schema")
_SERVER_DOCUMENTS = ("tools", "prompts", "resources")


def server_item(server: Server) -> Item:
    """Return the item of a server; raises InvalidRequest for a document that is not JSON."""
    record = {name: getattr(server, name) for name in Server.__dataclass_fields__ if name != "release"}
    item = to_item({"server": server.name, "item": "server", **_encoded(record, _SERVER_DOCUMENTS, "")})
    if server.release:
        item["release"] = {"M": release_item(server.release)}
    return item


def release_item(release: Release) -> Item:
    """Return the attributes of a release; raises InvalidRequest for a document that is not JSON."""
    record = {name: getattr(release, name) for name in Release.__dataclass_fields__}
    return to_item(_encoded(record, _RELEASE_DOCUMENTS, "release."))


def server_from_item(item: Item) -> Server:
    record = from_item(item)
    release = record.pop("release", None)
    known = {name: record[name] for name in Server.__dataclass_fields__ if name in record}
    return Server(
        **_decoded(known, _SERVER_DOCUMENTS),
        release=Release(**_decoded(release, _RELEASE_DOCUMENTS)) if release else None,
    )


def _encoded(record: Document, names: tuple[str, ...], prefix: str) -> Document:
    texts = {
        name: documents.encode(record[name], prefix + name) for name in names if record[name] is not None
    }
    return {**record, **texts}


def _decoded(record: Document, names: tuple[str, ...]) -> Document:
    return {**record, **{name: documents.decode(record[name]) for name in names if name in record}}
