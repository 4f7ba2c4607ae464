"""Gets one bundle, in a process of its own: `python -m mooring_worker.bundle_fetch`, the order on stdin.

Decompressing, hashing and writing thousands of files would hold up the frames of every session in the
worker's process. This one may be killed at any moment: the bundle appears whole or not at all. It prints what
came of it, one JSON object.
"""

import errno
import http.client
import json
import os
import re
import resource
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from mooring import archives, staging, trees
from mooring.errors import BundleUnusable

_MEMORY_BYTES = 1 << 30  # it needs 40 MB; an archive that makes it want more is none of ours
_NETWORK_SECONDS = 20.0  # of silence
_MAX_ERROR_BYTES = 4096
_CODE = re.compile(rb"<Code>(\w{1,100})</Code>")
_NICE = 5  # below the worker, which relays frames


def main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: dict[str, int | str]
    try:
        answer = {"bytes": fetch(**order)}
    except BundleUnusable as error:
        answer = {"error": error.message}
    except MemoryError:
        answer = {"error": "the bundle's archive cannot be unpacked in bounded memory"}
    json.dump(answer, sys.stdout)


def fetch(
    url: str, digest: str, folder: str, size_bytes: int, files: int, python_path: str, compile_seconds: float
) -> int:
    """Put the bundle of a digest into `folder`; return its size on disk.

    Raises:
        BundleUnusable: says why it cannot be had.
    """
    home = Path(folder)
    path = home / digest
    try:
        with staging.workspace(home) as workspace:
            found = _download(url, workspace.path, archives.Bounds(size_bytes, files))
            if found != digest:
                raise BundleUnusable(f"the bundle's archive holds {found}, not {digest}; publish it again")
            _compile(workspace, path, python_path, compile_seconds)
            size = _size(workspace.path)
            trees.freeze(workspace.path)
            staging.publish(workspace.path, path)
            return size
    except OSError as error:
        raise BundleUnusable(_on_disk(error)) from error


def _download(url: str, into: Path, bounds: archives.Bounds) -> str:
    parts = urlsplit(url)
    assert parts.hostname, f"no http(s) URL of a bundle: {parts.scheme}"
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_NETWORK_SECONDS)
    try:
        source = _Download(connection, f"{parts.path}?{parts.query}")
        return archives.unpack(source, into, bounds)
    finally:
        connection.close()


class _Download:
    """What a GET answers, to be read; what the network does is told apart from what the disk does."""

    def __init__(self, connection: http.client.HTTPConnection, target: str) -> None:
        try:
            connection.request("GET", target)
            self._response = connection.getresponse()
            if self._response.status == 200:
                return
            said = self._response.read(_MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise BundleUnusable(
                f"the store of bundles cannot be reached: {_reason(error)}; try again"
            ) from error
        raise BundleUnusable(_refused(self._response.status, said))

    def read(self, size: int, /) -> bytes:
        try:
            return self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise BundleUnusable(f"the store of bundles broke off: {_reason(error)}; try again") from error


def _refused(status: int, said: bytes) -> str:
    if status == 404:
        return "the bundle is not in the store of bundles; publish the server again"
    code = found[1].decode() if (found := _CODE.search(said)) else ""
    if status in (400, 401, 403):
        return (
            f"the address of the bundle has expired or is refused ({status} {code}); connect again".replace(
                " )", ")"
            )
        )
    return f"the store of bundles answered {status} {code}".rstrip() + "; try again"


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _on_disk(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the worker's disk has no space for the bundle; try again, or publish a smaller one"
    return f"the bundle cannot be written: {_reason(error)}"


def _compile(workspace: staging.Workspace, path: Path, python_path: str, seconds: float) -> None:
    python = shutil.which("python", path=python_path) or shutil.which("python3", path=python_path)
    if python:
        staging.compile_python(workspace, path, [python], timeout_seconds=seconds)


def _size(root: Path) -> int:
    """Return the bytes on disk, folders included."""
    return sum(
        os.lstat(Path(folder, name)).st_blocks * 512
        for folder, folder_names, file_names in os.walk(root)
        for name in (*folder_names, *file_names)
    )


if __name__ == "__main__":
    main()
