"""Where what publishers upload lies until it is built: by its SHA-256, in a folder or in a bucket."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

from mooring.bundle_store import BundleStore
from mooring.errors import Conflict, InvalidRequest, WorkerUnavailable
from mooring.settings import AwsSettings, Settings

MAX_UPLOAD_BYTES = 50 * 1024 * 1024
_MAX_CALL_BYTES = 6 * 1024 * 1024  # of Lambda, which takes binary bodies as base64: about 4.5 MB of them


class Uploads:
    """In a `folder` of this machine, or in a `store`; with neither, nothing is taken."""

    def __init__(self, folder: Path | None = None, store: BundleStore | None = None) -> None:
        self._folder = folder
        self._store = store

    @classmethod
    def configured(cls, settings: Settings, aws: AwsSettings) -> "Uploads":
        place = settings.uploads
        if place.startswith("s3://"):
            return cls(store=BundleStore(place, aws))
        return cls(Path(place) if place else None)

    def wanted(self, sha256: str, size_bytes: int, public_url: str) -> dict[str, Any] | None:
        """Return how to upload a file: `method`, `url`, `headers`; None: it is there.

        Raises:
            InvalidRequest: it is too large.
            Conflict: nothing is built here.
            WorkerUnavailable: the bucket does not answer.
        """
        if size_bytes > MAX_UPLOAD_BYTES:
            raise InvalidRequest(
                f"sizeBytes is over {MAX_UPLOAD_BYTES}, the limit of an upload; give a repository's address"
            )
        if self.has(sha256):
            return None
        if self._store is None:
            return {"method": "PUT", "url": f"{public_url}/uploads/{sha256}", "headers": {}}
        upload = self._store.upload(sha256, size_bytes, sha256)
        return {"method": "PUT", "url": upload.url, "headers": upload.headers}

    def has(self, sha256: str) -> bool:
        """Return whether a file is there; raises as `wanted` does."""
        if self._store:
            try:
                return self._store.has(sha256)
            except OSError as error:
                raise WorkerUnavailable("the store of uploads does not answer; try again") from error
        if self._folder is None:
            raise _not_here()
        try:
            os.utime(self._folder / sha256)  # it is going to be built: not to be removed before
        except FileNotFoundError:
            return False
        return True

    async def put(self, chunks: AsyncIterable[bytes], sha256: str = "") -> str:
        """Keep a file that comes in pieces, and return its SHA-256, which is `sha256` if that is given.

        Raises:
            InvalidRequest: it is too large, or another one than it was said to be.
            Conflict: nothing is built here.
            WorkerUnavailable: the bucket does not answer.
        """
        if self._store:
            return await _put(self._store, chunks, sha256)
        if self._folder is None:
            raise _not_here()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, size_bytes = hashlib.sha256(), 0
        partial = self._folder / f".part-{secrets.token_hex(8)}"
        try:
            with partial.open("wb") as file:
                async for chunk in chunks:
                    size_bytes += len(chunk)
                    if size_bytes > MAX_UPLOAD_BYTES:
                        raise InvalidRequest(f"the file has more than {MAX_UPLOAD_BYTES} bytes")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            found = digest.hexdigest()
            _check(found, sha256)
            partial.replace(self._folder / found)
        finally:
            partial.unlink(missing_ok=True)
        return found

    def path(self, sha256: str) -> Path:
        """Return where a file lies on this machine; raises InvalidRequest if it does not."""
        if self._folder is None or not (self._folder / sha256).is_file():
            raise InvalidRequest(f"there is no upload {sha256}; it may have been removed: upload it again")
        return self._folder / sha256


async def _put(store: BundleStore, chunks: AsyncIterable[bytes], sha256: str) -> str:
    """Pass a file on to the bucket: only as much of it as one call of a function can bring."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > _MAX_CALL_BYTES:
            raise InvalidRequest(
                f"the file has more than {_MAX_CALL_BYTES} bytes; POST /uploads says how to upload it"
            )
    found = hashlib.sha256(content).hexdigest()
    _check(found, sha256)
    try:
        await asyncio.to_thread(store.put, found, bytes(content))
    except OSError as error:
        raise WorkerUnavailable("the store of uploads does not answer; try again") from error
    return found


def _check(found: str, sha256: str) -> None:
    if sha256 and found != sha256:
        raise InvalidRequest("sha256: what arrived is another file; upload it again")


def _not_here() -> Conflict:
    return Conflict("nothing is built here: set MOORING_UPLOADS, or build with `mooring add`")
