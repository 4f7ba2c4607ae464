"""`server.json`, the official registry's description of a server, as far as an import reads it (no I/O)."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mooring.imports.shape import Part, validated

OFFICIAL = "io.modelcontextprotocol.registry/official"


class Input(Part):
    """Something a user is asked for, unless `value` is given."""

    description: str = ""
    is_required: bool = False
    is_secret: bool = False
    format: str = "string"
    value: str | None = None
    default: str | None = None
    placeholder: str = ""
    choices: tuple[str, ...] = ()


class InputWithVariables(Input):
    variables: dict[str, Input] = Field(default_factory=dict)
    """What `{name}` stands for within `value`."""


class KeyValue(InputWithVariables):
    """An environment variable or a header."""

    name: str = Field(min_length=1)


class Argument(InputWithVariables):
    type: Literal["positional", "named"]
    name: str = ""
    """The flag of a named one, with its dashes."""
    value_hint: str = ""
    is_repeated: bool = False

    @model_validator(mode="after")
    def _is_identified(self) -> Self:
        if self.type == "named" and not self.name:
            raise ValueError("a named argument needs a name")
        return self


class Transport(Part):
    type: str = "stdio"
    url: str = ""
    headers: tuple[KeyValue, ...] = ()
    variables: dict[str, Input] = Field(default_factory=dict)


class Package(Part):
    registry_type: str = Field(min_length=1)
    identifier: str = Field(min_length=1)
    version: str = ""
    runtime_hint: str = ""
    transport: Transport = Transport()
    runtime_arguments: tuple[Argument, ...] = ()
    package_arguments: tuple[Argument, ...] = ()
    environment_variables: tuple[KeyValue, ...] = ()


class Repository(Part):
    url: str = ""
    subfolder: str = ""


class Icon(Part):
    src: str = ""


class ServerJson(Part):
    name: str = Field(pattern=r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", max_length=200)
    title: str = ""
    description: str = ""
    version: str = ""
    website_url: str = ""
    repository: Repository = Repository()
    icons: tuple[Icon, ...] = ()
    packages: tuple[Package, ...] = ()
    remotes: tuple[Transport, ...] = ()


class Standing(Part):
    """What the registry itself says about an entry."""

    status: str = "active"
    is_latest: bool | None = None
    """None: the registry does not say."""
    updated_at: str = ""


def read(document: Any) -> ServerJson:
    """Return a server.json that has the shape of one.

    Raises:
        InvalidRequest: naming the member that does not fit.
    """
    return validated(ServerJson, document)


def standing(meta: Any) -> Standing:
    """Return what the `_meta` of an entry says about it.

    Raises:
        InvalidRequest: naming the member that does not fit.
    """
    official = meta.get(OFFICIAL) if isinstance(meta, dict) else None
    return validated(Standing, official or {})
