"""What the catalog knows about a server, and the items it is kept as (no I/O)."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from mooring import documents
from mooring.dynamodb import Item, from_item, to_item
from mooring.errors import NotDeployed

Document = dict[str, Any]
Hosting = Literal["here", "elsewhere"]


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
    icon_url: str = ""
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    owner: str = ""
    """The principal that may change it; empty: only an admin."""
    verified: bool = False
    unlisted: bool = False
    """In no list, and shown to nobody but its owner and admins; who knows its name may connect."""
    isolated: bool = False
    """Each of its sessions wants a virtual machine to itself."""
    release: Release | None = None
    remotes: tuple[Document, ...] = ()
    """Where it runs elsewhere: `{"type": "http" | "sse" | "ws", "url": …}`."""
    hosted_elsewhere: bool = False
    """It runs somewhere, says who imported it, without an address."""
    packages: tuple[Document, ...] = ()
    """Where it can be had to run locally, as in a server.json."""
    config_schema: Document | None = None
    """Of its remotes and packages; a release has its own."""
    stated_version: str = ""
    source: Document | None = None
    """Where it was imported from: `{"registry": …}`; None: it was published here."""
    claimed_at: str | None = None
    """Set: its owner has proven to be it, and what he says of it is no import's to change."""
    tools: list[Document] | None = None
    """As last scanned, like prompts and resources; None: not scanned yet."""
    prompts: list[Document] | None = None
    resources: list[Document] | None = None
    uses_elsewhere: int = 0
    """Tool calls that were counted before it came here."""
    created_at: str
    updated_at: str
    version: int
    """Of the record: every change counts it up."""
    deleted_at: str | None = None
    """Set: this is a tombstone, which keeps the name and what its owner may restore."""
    deleted_by_import: bool = False

    @property
    def name(self) -> str:
        """What two spellings of its name share, and the key of the catalog."""
        return self.qualified_name.lower()

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def offers(self) -> Document:
        """What was last scanned of it."""
        return {"tools": self.tools, "prompts": self.prompts, "resources": self.resources}

    def deployed(self) -> Release:
        """Return the release that sessions run; raises NotDeployed."""
        if self.release is None:
            raise NotDeployed(f"{self.qualified_name} is listed but not deployed here: it has no release")
        return self.release

    @property
    def hosting(self) -> Hosting | None:
        """Where it runs; None: it is only listed."""
        if self.release:
            return "here"
        return "elsewhere" if self.remotes or self.hosted_elsewhere else None

    @property
    def is_deployed(self) -> bool:
        return self.hosting is not None

    @property
    def is_remote(self) -> bool:
        """Whether it has an address to connect to."""
        return self.release is not None or bool(self.remotes)

    @property
    def version_name(self) -> str:
        """What its publisher calls its version; where nobody said, the package's or the release's."""
        if self.stated_version or self.release is None:
            return self.stated_version or "0.0.0"
        _, _, of_package = (self.release.package or "").rpartition("@")
        return of_package if of_package[:1].isdigit() else self.release.id


_RELEASE_DOCUMENTS = ("launch", "config_schema")
_SERVER_DOCUMENTS = ("config_schema", "packages", "prompts", "remotes", "resources", "source", "tools")
_TUPLES = ("categories", "keywords", "packages", "remotes")
_PAST_VERSION = "version#"


def server_item(server: Server) -> Item:
    """Return the item of a server; raises InvalidRequest for a document that is not JSON."""
    record = {name: getattr(server, name) for name in Server.__dataclass_fields__ if name != "release"}
    item = to_item({"server": server.name, "item": "server", **_encoded(record, _SERVER_DOCUMENTS, "")})
    if server.release:
        item["release"] = {"M": release_item(server.release)}
    return item


def past_version_item(server: Server) -> Item:
    """Return the item that keeps what `server` is now, for when a newer version has taken its place."""
    past = replace(server, tools=None, prompts=None, resources=None)
    return {**server_item(past), "item": {"S": _PAST_VERSION + server.version_name}}


def is_past_version(item: Item) -> bool:
    return str(item["item"]["S"]).startswith(_PAST_VERSION)


def release_item(release: Release) -> Item:
    """Return the attributes of a release; raises InvalidRequest for a document that is not JSON."""
    record = {name: getattr(release, name) for name in Release.__dataclass_fields__}
    return to_item(_encoded(record, _RELEASE_DOCUMENTS, "release."))


def release_from_item(record: Document) -> Release:
    """Return the release of `release_item`, read with `from_item`."""
    known = {name: record[name] for name in Release.__dataclass_fields__ if name in record}
    return Release(**_decoded(known, _RELEASE_DOCUMENTS))


def server_from_item(item: Item) -> Server:
    """Return the server of an item, or what it was of the item of a past version."""
    record = from_item(item)
    release = record.pop("release", None)
    known = _decoded(
        {name: record[name] for name in Server.__dataclass_fields__ if name in record}, _SERVER_DOCUMENTS
    )
    known |= {name: tuple(known[name]) for name in _TUPLES if name in known}
    return Server(**known, release=release_from_item(release) if release else None)


def _encoded(record: Document, names: tuple[str, ...], prefix: str) -> Document:
    texts = {
        name: documents.encode(record[name], prefix + name) for name in names if record[name] is not None
    }
    return {**record, **texts}


def _decoded(record: Document, names: tuple[str, ...]) -> Document:
    return {**record, **{name: documents.decode(record[name]) for name in names if name in record}}
