"""`mooring deploy`: from a source to a running release, built by Mooring itself."""

import hashlib
import re
import tempfile
from pathlib import Path
from typing import IO, Any

import click

from mooring.client.registry import Registry
from mooring.errors import ServerNotFound
from mooring.url import connect_url
from mooring_cli import add, arguments, following, output, packing, uploading
from mooring_cli.failures import Failure
from mooring_cli.target import Target, pass_target

_CHUNK_BYTES = 1024 * 1024
_FILES = (".json", ".mcpb", ".dxt", ".zip", ".tar", ".gz", ".tgz")
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9@+._ -]")


@click.command()
@click.argument("source")
@click.option("--name", type=arguments.SERVER_NAME, help="Its name in the catalog, owner/name.")
@click.option("--ref", default="", help="Of a repository: the branch, tag or commit.")
@click.option("--folder", default="", help="Of a repository or folder: the folder the server is in.")
@click.option(
    "--config",
    type=arguments.JSON_FILE,
    help="What it is started with to list its tools, a JSON file; not kept.",
)
@click.option("--no-wait", is_flag=True, help="Only ask for the release; see it with: mooring releases")
@output.as_json
@pass_target
def deploy(
    target: Target,
    source: str,
    name: str | None,
    ref: str,
    folder: str,
    config: dict[str, Any] | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Build a server from its source, scan it, and make it the live release.

    SOURCE is a folder (`.`), the https address of a git repository, npm:<package>, pypi:<package>, a
    server.json, a .mcpb bundle, or `listed`: the packages that the catalog lists of --name.

    It is built where Mooring runs, apart from everything else there. A release goes live when it has been
    started and has listed what it offers; until then, and if it fails, the one before stays.
    """
    registry = target.registry
    wanted = _source(target, source, ref, folder)
    qualified_name = name or _name(source, wanted)
    _create(registry, qualified_name)
    body = {"source": wanted, **({} if config is None else {"config": config})}
    release = registry.request_release(qualified_name, body)
    if no_wait:
        _tell(as_json, release, f"{qualified_name}: release {release['id']} is queued")
        return
    done = following.follow(registry, qualified_name, release["id"], quiet=as_json)
    server = registry.server(qualified_name)
    if as_json:
        output.print_json({**done, "qualifiedName": qualified_name, "tools": server.get("tools")})
    following.check(qualified_name, done)
    if not as_json:
        _report(target, qualified_name, done, server)


def _source(target: Target, source: str, ref: str, folder: str) -> dict[str, Any]:
    kind, separator, spec = source.partition(":")
    if separator and kind in ("npm", "pypi"):
        return {"type": kind, "spec": spec}
    if source == "listed":
        return {"type": "listed"}
    path = Path(source)
    if path.is_dir() or path.is_file():
        return {**_upload(target, path), **({"folder": folder} if folder else {})}
    if source.startswith(("https://", "git+https://")):
        return {
            **_repository(source),
            **({"ref": ref} if ref else {}),
            **({"folder": folder} if folder else {}),
        }
    raise Failure(
        f"{source} is no folder and no file",
        "Give a folder, the https address of a git repository, npm:<package>, pypi:<package>, a server.json,"
        " or a .mcpb bundle",
    )


def _repository(source: str) -> dict[str, Any]:
    from mooring_local import repositories  # with what it needs, too slow for the other commands

    try:
        address = repositories.address(source)
    except repositories.CannotFetch as error:
        raise Failure(str(error), "Give the https address of a public repository") from error
    return {"type": "git", "url": address.url, "ref": address.ref, "folder": address.folder}


def _upload(target: Target, path: Path) -> dict[str, Any]:
    if path.is_file():
        if not path.name.endswith(_FILES):
            raise Failure(
                f"{path} is neither a server.json, a .mcpb bundle nor an archive", "Give its folder"
            )
        with path.open("rb") as file:
            sha256 = _sent(target, file)
        return {"type": "upload", "sha256": sha256, "name": _NOT_IN_FILE_NAMES.sub("-", path.name)}
    with tempfile.TemporaryFile() as archive:
        count = packing.pack(path, archive)
        click.echo(f"Packed {count} files of {path.resolve().name}, {archive.tell() / 1e6:.1f} MB", err=True)
        sha256 = _sent(target, archive)
    return {"type": "upload", "sha256": sha256, "name": "folder.tar.gz"}


def _sent(target: Target, file: IO[bytes]) -> str:
    digest, size_bytes = hashlib.sha256(), file.seek(0, 2)
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    sha256 = digest.hexdigest()
    file.seek(0)
    upload = target.registry.request_file_upload(sha256, size_bytes)
    if upload:
        if upload["url"].startswith(target.url):
            upload["headers"] |= target.credentials
        uploading.put(upload, file, size_bytes)
    return sha256


def _name(source: str, wanted: dict[str, Any]) -> str:
    if wanted["type"] == "git":
        owner, _, name = wanted["url"].removesuffix(".git").rpartition("/")
        return add.default_name(
            "", f"{owner.rpartition('/')[2]}/{wanted['folder'].rpartition('/')[2] or name}"
        )
    if wanted["type"] == "upload":
        return add.default_name("", Path(source).resolve().name.partition(".")[0])
    if wanted["type"] == "listed":
        raise Failure("listed: of which server?", "Name it: --name owner/name")
    return add.default_name(source, re.sub(r"(?<=.)[@=<>!~\[ ].*", "", wanted["spec"]))


def _create(registry: Registry, name: str) -> None:
    try:
        registry.server(name)
    except ServerNotFound:
        registry.put_server(name, {})


def _report(target: Target, name: str, release: dict[str, Any], server: dict[str, Any]) -> None:
    launch = release.get("launch") or {}
    runs = launch.get("commandFunction") or " ".join(
        [launch.get("command", ""), *map(str, launch.get("args", []))]
    )
    wants = ", ".join((release.get("configSchema") or {}).get("properties") or {})
    rows = [
        ("detected", release.get("reason") or "what the registry says of it"),
        ("runs", output.first_line(runs)),
        *([("asks for", wants)] if wants else []),
        ("release", release["id"]),
        ("connect", connect_url(target.ws_url, name)),
        ("page", f"{target.url}/server/{name}"),
    ]
    output.print_table((f"{name} IS LIVE", ""), rows)
    click.echo()
    output.print_tools(server.get("tools") or [])
    click.echo(
        f"\nTry it: mooring tools {name}; mooring call {name} <tool>; mooring connect {name}", err=True
    )


def _tell(as_json: bool, value: dict[str, Any], text: str) -> None:
    if as_json:
        output.print_json(value)
    else:
        click.echo(text)
