"""What a publisher brings, once it is installed in a folder, and why installing it can fail."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["stdio", "container-http", "http", "typescript-runtime", "python-runtime", "invalid"]

Launch = dict[str, Any]
"""A launch rule as `mooring.launch` resolves it."""

Progress = Callable[[str], None]

_WEB_ADDRESS = re.compile(r"https?://\S{1,1900}")


class BuildFailed(Exception):
    """Why a package cannot become a bundle: `cause`, what to do next, and lines of the tool that failed."""

    def __init__(self, cause: str, next_step: str, details: Sequence[str] = ()) -> None:
        super().__init__(cause)
        self.cause = cause
        self.next_step = next_step
        self.details = tuple(details)


@dataclass(frozen=True)
class Package:
    """An installed package: how to start it and what it says about itself."""

    name: str
    launch: Launch
    address: str = ""
    """`npm:name@version` or `pypi:name==version`, where anybody can get it; empty for a folder."""
    runtime: str = ""
    """`node`, `python`, or empty when a command of the publisher's own starts it."""
    version: str = ""
    description: str = ""
    homepage: str = ""
    config_schema: dict[str, Any] = field(default_factory=dict)
    example_config: dict[str, Any] | None = None
    kind: Kind = "stdio"
    reason: str = ""
    """What was recognised, in one line."""
    commit: str = ""
    """Of the repository it was built of; empty: it was none."""


def select_script(
    package: str, scripts: Mapping[str, str], preferred: str, command: Sequence[str]
) -> tuple[str, list[str]]:
    """Return the target of the script to start and the arguments to give it.

    `scripts` are the commands the package installs. The first word of `command` may name one of them;
    otherwise the one named `preferred` is taken, or the only one, and all of `command` are arguments.

    Raises:
        BuildFailed: it has none, or several and none is named.
    """
    if command and command[0] in scripts:
        return scripts[command[0]], list(command[1:])
    if preferred in scripts:
        return scripts[preferred], list(command)
    if len(scripts) == 1:
        return next(iter(scripts.values())), list(command)
    if not scripts:
        raise BuildFailed(
            f"{package} has no command to start", "If it is a library, give the package of a server"
        )
    names = ", ".join(sorted(scripts))
    raise BuildFailed(
        f"{package} has several commands: {names}", f"Name one: -- {min(scripts)}, then its arguments"
    )


def web_address(*candidates: str) -> str:
    """Return the first candidate that a browser can open; publishers write all kinds of things."""
    return next((url for url in candidates if _WEB_ADDRESS.fullmatch(url)), "")
