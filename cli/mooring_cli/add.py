"""`mooring add`: build a bundle, register it as a release, start it once, list what it offers."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring.errors import MooringError
from mooring.settings import LocalSettings
from mooring.url import connect_url
from mooring_cli import arguments, output
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

if TYPE_CHECKING:
    from mooring_local.bundles import Bundle

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@click.command()
@click.argument("source")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", type=arguments.SERVER_NAME, help="Its name in the catalog, owner/name.")
@arguments.config
@output.as_json
@pass_target
def add(
    target: Target,
    source: str,
    command: tuple[str, ...],
    name: str | None,
    config: dict[str, Any] | None,
    as_json: bool,
) -> None:
    """Host a server: npm:<package>, pypi:<package>, or a folder.

    After -- come arguments for the server; for a folder, the command that starts it. They may contain
    ${config.<name>}, a value of the session's configuration. --config is what it is started with now, to list
    its tools.
    """
    if not target.is_this_machine:
        raise Failure(
            f"{target.url} is on another machine; servers are built where they run",
            "Run this command there, with MOORING_URL not set here",
        )
    bundle = _build(source, command)
    qualified_name = name or default_name(source, bundle.package.name)
    listed = Hosting(target, qualified_name, bundle, config).start()
    if as_json:
        output.print_json({"qualifiedName": qualified_name, "bundle": bundle.digest, **listed})
        return
    _say(f"{qualified_name} is hosted")
    output.print_tools(listed.get("tools", []))


def default_name(source: str, package: str) -> str:
    """Return the name for a package nobody named: its scope or where it is from, and its own name."""
    origin = source.partition(":")[0] if source.startswith(("npm:", "pypi:")) else "local"
    owner, _, name = package.removeprefix("@").rpartition("/")
    parts = (owner or origin, name)
    return "/".join(_NOT_IN_NAMES.sub("-", part).strip("._-")[:100] or "server" for part in parts)


def _build(source: str, command: Sequence[str]) -> "Bundle":
    from mooring_local import bundles  # with what it needs, too slow for the other commands
    from mooring_local.home import Home
    from mooring_local.packages import BuildFailed

    home = Home(Path(LocalSettings.read().home))
    try:
        return bundles.build(source, home.worker / "bundles", home.path / "runtimes", _say, command)
    except BuildFailed as error:
        raise Failure(error.cause, error.next_step, error.details) from error


@dataclass(frozen=True)
class Hosting:
    """The release of a bundle under a name, and the way back when it does not start."""

    target: Target
    name: str
    bundle: "Bundle"
    config: dict[str, Any] | None

    def start(self) -> dict[str, list[dict[str, Any]]]:
        """Register the release, start it once, and record and return what it offers.

        Raises:
            MooringError: it does not start; the catalog is as it was before.
        """
        registry = self.target.registry
        previous = registry.find_server(self.name)
        registry.put_server(self.name, self._entry())
        _say(f"Starting {self.name}")
        try:
            listed = self._offers()
        except (MooringError, OSError, TimeoutError):
            self._take_back(previous)
            raise
        registry.patch_server(self.name, listed)
        return listed

    def _entry(self) -> dict[str, Any]:
        package = self.bundle.package
        release = {
            "bundle": self.bundle.digest,
            "launch": package.launch,
            "configSchema": package.config_schema,
        }
        return {
            "displayName": package.name,
            "description": package.description,
            "homepage": package.homepage,
            "release": release,
        }

    def _offers(self) -> dict[str, list[dict[str, Any]]]:
        from mooring_cli import session  # mcp takes half a second to import

        url = connect_url(self.target.ws_url, self.name, self._config_to_start_with())
        return asyncio.run(session.offers(url, self.target.credentials))

    def _config_to_start_with(self) -> dict[str, Any]:
        from mooring_local import placeholders

        package = self.bundle.package
        if self.config is not None:
            return self.config
        return package.example_config or placeholders.config(package.config_schema)

    def _take_back(self, previous: dict[str, Any] | None) -> None:
        if previous is None:
            self.target.registry.delete_server(self.name)


def _say(text: str) -> None:
    click.echo(text, err=True)
