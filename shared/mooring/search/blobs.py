"""Where the index is kept: a folder or a bucket. Either replaces a blob only if it is still the same."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

_CHUNK_BYTES = 1 << 20


class Missing(Exception):
    """There is no blob of that name."""


class Changed(Exception):
    """Somebody else has written the blob since."""


class Blobs(Protocol):
    """Raises OSError, or what boto3 raises, where the place cannot be reached."""

    def get(self, name: str) -> bytes:
        """Raises Missing."""

    def put(self, name: str, data: bytes) -> None: ...

    def put_if(self, name: str, data: bytes, etag: str | None) -> None:
        """Write the blob if its ETag is `etag`, None: if there is none; raises Changed if it is another."""

    def etag(self, name: str) -> str | None:
        """Return what changes with the content, None if there is no such blob."""

    def file(self, name: str) -> Path:
        """Return a file of this machine with the blob's content; raises Missing."""

    def forget(self, name: str) -> None:
        """Remove what this machine keeps of the blob, not the blob; an open file stays readable."""

    def delete(self, name: str) -> None:
        """Remove the blob if it is there."""


class FolderBlobs:
    """Blobs are files of `folder`, which is made when the first is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes:
        return self.file(name).read_bytes()

    def put(self, name: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / name, data)

    def put_if(self, name: str, data: bytes, etag: str | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if self.etag(name) != etag:
                raise Changed(name)
            _write(self._folder / name, data)

    def etag(self, name: str) -> str | None:
        try:
            status = (self._folder / name).stat()
        except FileNotFoundError:
            return None
        return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"

    def file(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            raise Missing(name)
        return path

    def forget(self, name: str) -> None:
        pass

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class BucketBlobs:
    """Blobs are objects `prefix` + name, read through files in `cache`; `client` is boto3's for S3."""

    def __init__(self, client: Any, bucket: str, prefix: str, cache: Path) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._cache = cache

    def get(self, name: str) -> bytes:
        return b"".join(self._chunks(name))

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)

    def put_if(self, name: str, data: bytes, etag: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, **condition)
        except self._client.exceptions.ClientError as error:
            # 409: two such writes at once; 404: what was to be replaced is gone.
            if _status(error) in (404, 409, 412):
                raise Changed(name) from error
            raise

    def etag(self, name: str) -> str | None:
        try:
            etag: str = self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)["ETag"]
        except self._client.exceptions.ClientError as error:
            if _status(error) == 404:
                return None
            raise
        return etag

    def file(self, name: str) -> Path:
        path = self._cache / name
        if not path.is_file():
            self._cache.mkdir(parents=True, exist_ok=True)
            _write(path, self._chunks(name))
        return path

    def forget(self, name: str) -> None:
        (self._cache / name).unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        self.forget(name)
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _chunks(self, name: str) -> Iterator[bytes]:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
        except self._client.exceptions.ClientError as error:
            if _status(error) == 404:
                raise Missing(name) from error
            raise
        with contextlib.closing(body):
            yield from iter(lambda: body.read(_CHUNK_BYTES), b"")


def opened(location: str, cache: Path) -> Blobs:
    """Return the blobs of a folder, or of `s3://bucket/prefix`, which are read through files in `cache`."""
    if not location.startswith("s3://"):
        return FolderBlobs(Path(location))
    import boto3  # 300 ms that a folder does not need

    parts = urlsplit(location)
    prefix = parts.path.strip("/")
    return BucketBlobs(boto3.client("s3"), parts.netloc, f"{prefix}/" if prefix else "", cache)


def _write(path: Path, data: bytes | Iterator[bytes]) -> None:
    """Replace a file in one step: whoever reads sees the old or the new, also after a crash."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _status(error: Any) -> int:
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status
