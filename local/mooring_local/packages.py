"""What a publisher brings, once it is installed in a folder, and why installing it can fail."""

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mooring.staging import Workspace

Launch = dict[str, Any]
"""A launch rule as `mooring.launch` resolves it."""

Progress = Callable[[str], None]

_SHOWN_LINES = 4
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


@dataclass(frozen=True)
class Installer:
    """A package installer: how it marks errors, and what its errors mean."""

    name: str
    error_prefix: str
    hints: Sequence[tuple[Sequence[str], str]]
    """Texts of its output and the next step when one of them occurs; the first that matches counts."""

    def run(
        self,
        spec: str,
        command: Sequence[str],
        workspace: Workspace,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run `command`, which installs `spec`.

        Raises:
            BuildFailed: it did not succeed.
        """
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            pass_fds=(workspace.lock,),  # an installer that outlives us keeps its workspace
        )
        if done.returncode:
            raise BuildFailed(
                f"{self.name} could not install {spec}",
                self._next_step(done.stdout),
                self._errors(done.stdout),
            )

    def _errors(self, output: str) -> list[str]:
        """Return the last lines that say something, without the prefix that marks errors."""
        everything, prefix = output.splitlines(), self.error_prefix
        marked = [line.removeprefix(prefix).strip() for line in everything if line.startswith(prefix)]
        lines = [line for line in marked if line and "complete log" not in line]
        return (lines or everything)[-_SHOWN_LINES:]

    def _next_step(self, output: str) -> str:
        for texts, step in self.hints:
            if any(text in output for text in texts):
                return step
        return f"Run {self.name} by hand to see all of its output"
