"""What publishers send about servers: bodies of PUT, PATCH and the batch, as fields of `Server`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from mooring import configuration
from mooring.clock import iso8601
from mooring.edits import Entry
from mooring.errors import Forbidden
from mooring.instants import Instant
from mooring.keys import Principal
from mooring.launch import MAX_FUNCTION_CHARACTERS, MAX_PATH_FOLDERS, PATH_FOLDER
from mooring.servers import Release

Url = Annotated[str, Field(pattern=r"^(https?://\S+)?$", max_length=2000)]
Text = Annotated[str, Field(max_length=2000)]
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=60)]
PathFolder = Annotated[str, Field(pattern=rf"^(?:{PATH_FOLDER})$")]
Objects = list[dict[str, Any]]

# Of a template, the first variable may be the host.
_REMOTE_URL = r"^(https?://\S+|wss?://\S+|\{[a-zA-Z_][a-zA-Z0-9_]*\}\S*)$"
# What only the operator may say, because others rely on it.
_PRIVILEGED = {
    "verified": "verified",
    "hosted": "hosted",
    "source": "source",
    "created_at": "createdAt",
    "use_count": "useCount",
}
# Where the name of a field here is not that of the field of `Server`.
_STORED_AS = {"version": "stated_version", "hosted": "hosted_elsewhere", "use_count": "uses_elsewhere"}


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


def _argument(value: Any) -> Any:
    is_group = isinstance(value, list) and value and all(isinstance(text, str) for text in value)
    if not isinstance(value, str) and not is_group:
        raise ValueError("should be a string, or a list of strings")
    return value


# As a plain union its errors would name the types as if they were fields.
Argument = Annotated[
    str | list[str],
    PlainValidator(_argument, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)]),
]


class LaunchRule(Body):
    command: Annotated[str, Field(min_length=1)] | None = None
    args: list[Argument] = []
    env: dict[str, str] = {}
    cwd: str | None = None
    path: Annotated[list[PathFolder], Field(max_length=MAX_PATH_FOLDERS)] | None = None
    command_function: Annotated[str, Field(min_length=1, max_length=MAX_FUNCTION_CHARACTERS)] | None = None

    @field_validator("command_function")
    @classmethod
    def _is_alone(cls, source: str | None, info: ValidationInfo) -> str | None:
        if source and (info.data.get("command") or info.data.get("args")):
            raise ValueError("excludes command and args")
        return source

    @model_validator(mode="after")
    def _says_a_command(self) -> Self:
        if not self.command and not self.command_function:
            raise ValueError("needs a command or a commandFunction")
        return self


class NewRelease(Body):
    # A worker makes it the name of a folder: no separator, no leading dot.
    bundle: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")] | None = None
    launch: LaunchRule
    config_schema: dict[str, Any] | None = None
    package: Annotated[str, Field(pattern=r"^(npm|pypi|oci):\S+$", max_length=300)] | None = None

    def release(self) -> Release:
        """Return the release; raises InvalidRequest for a configSchema that is none."""
        if self.config_schema is not None:
            configuration.check_schema(self.config_schema)
        return Release(
            launch=self.launch.model_dump(exclude_none=True, by_alias=True),
            bundle=self.bundle,
            config_schema=self.config_schema,
            package=self.package,
        )


class Remote(Body):
    type: Literal["http", "sse", "ws"]
    url: Annotated[str, Field(pattern=_REMOTE_URL, max_length=2000)]
    headers: Annotated[Objects, Field(max_length=50)] = []
    variables: dict[str, Any] = {}


class Package(Body):
    """As in a server.json; the rest of its members is kept as it is."""

    model_config = ConfigDict(extra="allow")

    registry_type: Annotated[str, Field(min_length=1, max_length=100)]
    identifier: Annotated[str, Field(min_length=1, max_length=2000)]


class Source(Body):
    registry: Annotated[str, Field(min_length=1, max_length=2000)]
    name: Text | None = None
    version: Text | None = None
    updated_at: Text | None = None
    status: Text | None = None
    url: Text | None = None


class _About(Body):
    display_name: Annotated[str, Field(max_length=200)] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""
    homepage: Url | None = None
    license: Annotated[str, Field(max_length=200)] | None = None
    icon_url: Url | None = None
    categories: Words = []
    keywords: Words = []
    version: Annotated[str, Field(pattern=r"^\S*$", max_length=255)] = ""
    remotes: Annotated[list[Remote], Field(max_length=20)] = []
    packages: Annotated[list[Package], Field(max_length=50)] = []
    config_schema: dict[str, Any] | None = None
    unlisted: StrictBool | None = None
    isolated: StrictBool | None = None
    verified: StrictBool | None = None
    tools: Objects | None = None
    prompts: Objects | None = None
    resources: Objects | None = None

    def check(self, by: Principal) -> None:
        """Raise Forbidden for a field that only an admin may set, InvalidRequest for a bad configSchema."""
        if self.config_schema is not None:
            configuration.check_schema(self.config_schema)
        wanted = [name for field, name in _PRIVILEGED.items() if getattr(self, field, None)]
        if wanted and not by.may("admin"):
            raise Forbidden(f"{', '.join(wanted)}: only a key with the scope admin may set this")


class NewServer(_About):
    repository: Text | None = None
    hosted: StrictBool = False
    source: Source | None = None
    created_at: Annotated[Instant, Field(ge=datetime(1970, 1, 1, tzinfo=UTC))] | None = None
    use_count: Annotated[int, Field(strict=True, ge=0, le=10**15)] | None = None
    release: NewRelease | None = None

    def entry(self, qualified_name: str) -> Entry:
        """Return what is put; null is as if it were not there. Raises as `NewRelease.release`."""
        given = {field: getattr(self, field) for field in self.model_fields_set - _NOT_STATED}
        given = {field: value for field, value in given.items() if value is not None and value != ""}
        return Entry(
            qualified_name=qualified_name,
            stated=_stated(given),
            release=self.release.release() if self.release else None,
        )


class ServerChanges(_About):
    """Null removes what is known."""

    display_name: Annotated[str, Field(min_length=1, max_length=200)] = ""
    repository: Annotated[
        Text | None, Field(validation_alias=AliasChoices("repository", "repositoryUrl"))
    ] = None

    def changes(self) -> dict[str, Any]:
        """Return the fields of `Server` that are to change."""
        given = {field: getattr(self, field) for field in self.model_fields_set}
        cleared = {"isolated": False, "unlisted": False, "verified": False} | dict.fromkeys(_TEXTS, "")
        return _stated(
            {field: cleared.get(field) if value is None else value for field, value in given.items()}
        )


class BatchEntry(NewServer):
    qualified_name: str
    deleted: StrictBool = False


class Batch(Body):
    # Each entry is read on its own, so that one that is wrong does not stop the others.
    servers: Annotated[list[Any], Field(min_length=1, max_length=100)]
    overwrite: StrictBool = False


class Transfer(Body):
    principal: Annotated[str, Field(min_length=1, max_length=100)]


_NOT_STATED = frozenset({"release", "qualified_name", "deleted"})
_TEXTS = ("homepage", "repository", "license", "icon_url")


def _stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a body as fields of `Server`."""
    return {_STORED_AS.get(field, field): _plain(field, value) for field, value in given.items()}


def _plain(field: str, value: Any) -> Any:
    match field:
        case "remotes":
            return tuple(remote.model_dump(by_alias=True, exclude_defaults=True) for remote in value)
        case "packages":
            return tuple(package.model_dump(by_alias=True) for package in value)
        case "categories" | "keywords":
            return tuple(value)
        case "source":
            return value.model_dump(by_alias=True, exclude_none=True)
        case "created_at":
            return iso8601(value.timestamp())
    return value
