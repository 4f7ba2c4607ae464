"""`mooring add`: build a bundle, register it as a release, start it once, list what it offers."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mooring import placeholders
from mooring.settings import LocalSettings
from mooring.url import connect_url
from mooring_cli import arguments, output, uploading
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

if TYPE_CHECKING:
    from mooring_local.bundles import Bundle
    from mooring_local.packages import Package

_CANDIDATE_SUFFIX = ".new"
_REGISTRY_NAME = "mooring/registry"
_MAX_PART_LENGTH = 100  # of each part of a name, see mooring.names
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class _Variable(click.ParamType[tuple[str, str]]):
    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, separator, text = str(value).partition("=")
        if not separator or not name.isidentifier():
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


@click.command()
@click.argument("source")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", type=arguments.SERVER_NAME, help="Its name in the catalog, owner/name.")
@arguments.config
@click.option(
    "--env",
    "variables",
    type=_Variable(),
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable of its environment.",
)
@output.as_json
@pass_target
def add(
    target: Target,
    source: str,
    command: tuple[str, ...],
    name: str | None,
    config: dict[str, Any] | None,
    variables: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Host a server: npm:<package>, pypi:<package>, a folder, or `registry`, this Mooring's search as tools.

    It is built here. A Mooring on another machine gets the result, and refuses native code that its workers
    cannot run.

    After -- come arguments for the server; for a folder, the command that starts it. They and the values of
    --env may contain ${config.<name>}, a value of the session's configuration, and ${session}, the session's
    own folder. --config is what the server is started with now, to list its tools.
    """
    if not (target.is_this_machine or target.registry.bundles()["uploads"]):
        raise Failure(
            f"{target.url} is on another machine and takes no bundles",
            "Run this command there, with MOORING_URL not set here; or set its MOORING_BUNDLES",
        )
    if source == "registry":
        bundle = _build_registry(target)
        name, config = name or _REGISTRY_NAME, config or {"apiKey": target.api_key}
    else:
        bundle = _build(source, command)
    uploading.upload(target.registry, bundle, _say)
    package = _with_variables(bundle.package, dict(variables))
    qualified_name = name or default_name(source, package.name)
    listed = host(target, qualified_name, bundle.digest, package, config)
    if as_json:
        output.print_json({"qualifiedName": qualified_name, "bundle": bundle.digest, **listed})
        return
    _say(f"{qualified_name} is hosted")
    output.print_tools(listed.get("tools", []))


def _with_variables(package: "Package", variables: dict[str, str]) -> "Package":
    launch = package.launch
    return replace(package, launch={**launch, "env": {**launch.get("env", {}), **variables}})


def default_name(source: str, package: str) -> str:
    """Return the name for a package nobody named: its scope or where it is from, and its own name."""
    origin = source.partition(":")[0] if source.startswith(("npm:", "pypi:")) else "local"
    owner, _, name = package.removeprefix("@").rpartition("/")
    parts = (owner or origin, name)
    return "/".join(
        _NOT_IN_NAMES.sub("-", part).strip("._-")[:_MAX_PART_LENGTH] or "server" for part in parts
    )


def _build(source: str, command: Sequence[str]) -> "Bundle":
    from mooring_local import bundles  # with what it needs, too slow for the other commands
    from mooring_local.home import Home
    from mooring_local.packages import BuildFailed

    home = Home(Path(LocalSettings.read().home))
    try:
        return bundles.build(source, home.worker / "bundles", home.path / "runtimes", _say, command)
    except BuildFailed as error:
        raise Failure(error.cause, error.next_step, error.details) from error


def _build_registry(target: Target) -> "Bundle":
    """Return the bundle of the registry's own server, which asks this Mooring."""
    import mooring_local

    bundle = _build(str(Path(mooring_local.__file__).with_name("registry_server")), ())
    package = replace(
        _with_variables(bundle.package, {"MOORING_URL": target.url}),
        name="Mooring registry",
        description="Finds MCP servers and their tools in this registry, and says how to connect to them.",
    )
    return replace(bundle, package=package)


def host(
    target: Target, name: str, bundle: str, package: "Package", config: dict[str, Any] | None
) -> dict[str, list[dict[str, Any]]]:
    """Start the package once; record it as the server's release with what it offers, and return that.

    It is first registered beside the server, which keeps the release it has, if any, should this one fail.

    Raises:
        MooringError: it does not start.
    """
    registry = target.registry
    entry = _entry(bundle, package)
    candidate = _candidate(name)
    registry.put_server(candidate, entry)
    try:
        _say(f"Starting {name}")
        listed = _offers(target, candidate, _config_to_start_with(package, config))
    finally:
        registry.delete_server(candidate)
    registry.put_server(name, entry)
    registry.patch_server(name, listed)
    return listed


def _candidate(name: str) -> str:
    owner, _, own = name.partition("/")
    return f"{owner}/{own[: _MAX_PART_LENGTH - len(_CANDIDATE_SUFFIX)]}{_CANDIDATE_SUFFIX}"


def _entry(bundle: str, package: "Package") -> dict[str, Any]:
    release = {
        "bundle": bundle,
        "launch": package.launch,
        "configSchema": package.config_schema or None,
        "package": package.address or None,
    }
    return {
        "displayName": package.name,
        "description": package.description,
        "homepage": package.homepage,
        "release": release,
    }


def _offers(target: Target, name: str, config: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    from mooring.scanning import scan  # mcp takes half a second to import

    return asyncio.run(scan(connect_url(target.ws_url, name, config), target.credentials)).offers


def _config_to_start_with(package: "Package", config: dict[str, Any] | None) -> dict[str, Any]:
    if config is not None:
        return config
    return package.example_config or placeholders.config(package.config_schema)


def _say(text: str) -> None:
    click.echo(text, err=True)
