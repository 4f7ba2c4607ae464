"""What publishers send about releases, and what builders say that they have built; both may be strangers'."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, ConfigDict, Field

from mooring import configuration
from mooring.releases import Document
from mooring.server_bodies import Body, LaunchRule, Url
from mooring.servers import Release

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Spec = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\s-]\S*$")]
FileName = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9@+_][A-Za-z0-9@+._ -]*$")]
HttpsUrl = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]


def _checked(schema: Document) -> Document:
    configuration.check_schema(schema)
    return schema


ConfigSchema = Annotated[dict[str, Any], AfterValidator(_checked)]
"""Raises InvalidRequest, not ValidationError, with the pointer of what is wrong."""


class GitSource(Body):
    type: Literal["git"]
    url: Annotated[str, Field(pattern=r"^https://[^\s@]+$", max_length=2000)]
    ref: Annotated[str, Field(max_length=200)] = ""
    folder: Annotated[str, Field(max_length=500)] = ""


class PackageSource(Body):
    type: Literal["npm", "pypi"]
    spec: Spec


class UploadSource(Body):
    type: Literal["upload"]
    sha256: Sha256
    name: FileName
    folder: Annotated[str, Field(max_length=500)] = ""


class ServerJsonSource(Body):
    type: Literal["server.json"]
    document: dict[str, Any]


class ListedSource(Body):
    """The packages that the catalog lists of the server."""

    type: Literal["listed"]


Source = Annotated[
    GitSource | PackageSource | UploadSource | ServerJsonSource | ListedSource, Field(discriminator="type")
]


class NewScan(Body):
    config: dict[str, Any] | None = None
    """What it is started with to be scanned; not kept."""


class NewHostedRelease(NewScan):
    source: Source


class ExternalPayload(Body):
    """As `@smithery/api` sends it, like the next two."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["external"]
    upstream_url: HttpsUrl
    config_schema: ConfigSchema | None = None
    scan_credentials: Annotated[dict[str, str], Field(default_factory=dict, max_length=20)]

    @property
    def source(self) -> Document:
        source: Document = {"type": "external", "url": self.upstream_url}
        return {**source, "configSchema": self.config_schema} if self.config_schema else source


class StdioPayload(Body):
    model_config = ConfigDict(extra="ignore")

    type: Literal["stdio"]
    runtime: str = ""
    config_schema: ConfigSchema | None = None


class HostedPayload(Body):
    model_config = ConfigDict(extra="allow")

    type: Literal["hosted"]


Payload = Annotated[ExternalPayload | StdioPayload | HostedPayload, Field(discriminator="type")]


class NewUpload(Body):
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1)]


class BuiltPackage(Body):
    """What a build says that it has made."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=300)]
    launch: LaunchRule
    kind: Literal["stdio"] = "stdio"
    address: Annotated[str, Field(pattern=r"^((npm|pypi|oci):\S+)?$", max_length=300)] = ""
    runtime: Annotated[str, Field(max_length=20)] = ""
    version: Annotated[str, Field(max_length=255)] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    homepage: Url = ""
    config_schema: Annotated[
        ConfigSchema | None, Field(validation_alias=AliasChoices("config_schema", "configSchema"))
    ] = None
    example_config: Annotated[
        dict[str, Any] | None, Field(validation_alias=AliasChoices("example_config", "exampleConfig"))
    ] = None
    reason: Annotated[str, Field(max_length=2000)] = ""
    commit: Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")] = ""

    def release(self, release_id: str, created_at: str, bundle: str) -> Release:
        return Release(
            id=release_id,
            created_at=created_at,
            bundle=bundle,
            launch=self.launch.model_dump(exclude_none=True, by_alias=True),
            config_schema=self.config_schema or None,
            package=self.address or None,
        )

    def about(self) -> Document:
        """Return what it says of itself, for the catalog and for its scan."""
        return {
            "description": self.description,
            "homepage": self.homepage,
            "exampleConfig": self.example_config,
        }
