"""The public servers of `public_servers.toml`, as data."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("public_servers.toml")


@dataclass(frozen=True)
class PublicServer:
    """One entry; the file itself says what each field means."""

    name: str
    source: str
    about: str
    tools: int
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    refused: str = ""

    @property
    def qualified_name(self) -> str:
        return f"public/{self.name}"


def read(file: Path = FILE) -> list[PublicServer]:
    """Return the servers in the order of the file.

    Raises:
        TypeError: an entry has a field that is not known, or lacks one.
    """
    with file.open("rb") as content:
        return [PublicServer(**entry) for entry in tomllib.load(content)["server"]]
