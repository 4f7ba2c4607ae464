"""A bundle on its way to a Mooring on another machine."""

import hashlib
import http.client
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from click.termui import progressbar

from mooring import archives
from mooring.client.registry import Registry
from mooring.errors import BundleUnusable
from mooring_cli.failures import Failure

if TYPE_CHECKING:
    from mooring_local.bundles import Bundle

_CHUNK_BYTES = 65_536
_NETWORK_SECONDS = 60.0
_MAX_ERROR_BYTES = 2048
_IS_THERE = 412  # the store's answer when somebody else was faster


def upload(registry: Registry, bundle: "Bundle", say: Callable[[str], None]) -> None:
    """Take a bundle to the store of bundles, if this Mooring has one, unless it is there.

    Raises:
        Failure: it cannot run there, or did not arrive.
        MooringError: the registry refuses it.
    """
    from mooring_local import native

    taken = registry.bundles()
    if not taken["uploads"]:
        return
    worker_platform = taken["workerPlatform"]
    platform = native.needed(bundle.path, worker_platform)
    if platform and worker_platform and platform != worker_platform:
        raise Failure(
            f"{bundle.package.name} holds native code for {platform}, and the workers are {worker_platform}",
            f"Run this command on a machine that is {worker_platform}",
        )
    with tempfile.TemporaryFile() as archive:
        say("Packing the bundle")
        try:
            archives.pack(bundle.path, archive)
        except BundleUnusable as error:
            raise Failure(error.message, "Have the package hold what it needs") from error
        size_bytes = archive.tell()
        archive.seek(0)
        wanted = {
            "digest": bundle.digest,
            "sizeBytes": size_bytes,
            "sha256": hashlib.file_digest(archive, "sha256").hexdigest(),
            "platform": platform,
        }
        answer = registry.request_upload(wanted)
        if answer["status"] == "exists":
            say("The bundle is there already")
            return
        archive.seek(0)
        put(answer["upload"], archive, size_bytes)


def put(upload: dict[str, Any], archive: IO[bytes], size_bytes: int) -> None:
    """Send a file as the registry says: `url`, `headers`. Raises Failure."""
    parts = urlsplit(upload["url"])
    assert parts.hostname, "the registry gives whole URLs"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_NETWORK_SECONDS)
    label = f"Uploading {size_bytes / 1e6:.1f} MB"
    try:
        with progressbar(length=size_bytes, label=label, file=sys.stderr) as bar:
            chunks = _chunks(archive, lambda size: bar.update(size))
            headers = {"Content-Length": str(size_bytes), **upload["headers"]}
            connection.request("PUT", parts._replace(scheme="", netloc="").geturl(), chunks, headers)
            with connection.getresponse() as response:
                said = response.read(_MAX_ERROR_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"The upload to {parts.hostname} failed: {error!r}", "Run the command again") from error
    finally:
        connection.close()
    if response.status not in (200, 204, _IS_THERE):
        raise Failure(
            f"{parts.hostname} refused the upload with status {response.status}",
            "Run the command again; if that does not help, its operator looks at the bucket of bundles",
            said.splitlines()[:3],
        )


def _chunks(archive: IO[bytes], note: Callable[[int], None]) -> Iterator[bytes]:
    while chunk := archive.read(_CHUNK_BYTES):
        yield chunk
        note(len(chunk))
