"""Where bundles are kept between machines: `{prefix}/{digest}.tar.gz` in a bucket.

Nobody but the registry asks the bucket anything: a publisher and a worker each get an address that lets them
do one thing for some minutes.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from mooring.origin import Origin
from mooring.settings import AwsSettings, SettingsError
from mooring.sigv4 import Credentials, Signer

_SUFFIX = ".tar.gz"
_FETCH_SECONDS = 300  # a worker begins to fetch at once; it may wait for others to be done
_UPLOAD_SECONDS = 900  # S3 looks at it when the upload begins
_TIMEOUT_SECONDS = 5.0

ONCE = {"if-none-match": "*"}
"""Headers with which nothing that is there is overwritten."""


@dataclass(frozen=True)
class Upload:
    """What a publisher sends: PUT to `url` with exactly these `headers`."""

    url: str
    headers: dict[str, str]
    seconds: int = _UPLOAD_SECONDS
    """How long it may be begun."""


class BundleStore:
    """`url` is `s3://bucket/prefix`. What is kept is called by the digest, or the name, and `suffix`."""

    def __init__(self, url: str, aws: AwsSettings, suffix: str = _SUFFIX) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc:
            raise SettingsError("MOORING_BUNDLES must be s3://bucket/prefix")
        self._base = _base(aws.s3_url, parts.netloc)
        self._prefix = urlsplit(self._base).path.rstrip("/") + "".join(
            f"/{part}" for part in parts.path.split("/") if part
        )
        self._suffix = suffix
        self.bucket = parts.netloc
        self._key_prefix = "".join(f"{part}/" for part in parts.path.split("/") if part)
        self._host = urlsplit(self._base).netloc
        self._origin: Origin | None = None
        self._signer = Signer(
            Credentials(aws.access_key, aws.secret_key, aws.session_token), aws.region, "s3"
        )

    @classmethod
    def configured(cls, url: str, aws: AwsSettings) -> Self | None:
        """Return the store of the setting `bundles`; None: bundles are on the workers' disks."""
        return cls(url, aws) if url else None

    def key(self, name: str) -> str:
        """Return what the bucket calls it."""
        return f"{self._key_prefix}{name}{self._suffix}"

    def address(self, digest: str, seconds: int = _FETCH_SECONDS) -> str:
        """Return a URL that gives the archive to who knows it, if begun within so many seconds."""
        return self._presigned("GET", digest, seconds, {})

    def place(self, name: str, seconds: int) -> str:
        """Return a URL to which something is PUT once, with the headers ONCE; of any size."""
        return self._presigned("PUT", name, seconds, ONCE)

    def upload(self, digest: str, size_bytes: int, sha256: str) -> Upload:
        """Return how to put an archive there, of that size and content only, and only if there is none."""
        headers = {
            "content-length": str(size_bytes),
            **ONCE,
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode(),
        }
        return Upload(self._presigned("PUT", digest, _UPLOAD_SECONDS, headers), headers)

    def has(self, digest: str) -> bool:
        """Return whether the archive is there. Raises OSError when the bucket cannot be asked."""
        target = self._presigned("HEAD", digest, _FETCH_SECONDS, {}).removeprefix(self._scheme_and_host)
        status, _ = self._asked().request("HEAD", target)
        if status in (403, 404):  # S3 says 403 for what is not there to who may not list the bucket
            return False
        if status != 200:
            raise OSError(f"the bucket of bundles answered {status}")
        return True

    def put(self, digest: str, content: bytes) -> None:
        """Keep something small, unless it is there. Raises OSError when the bucket does not take it."""
        upload = self.upload(digest, len(content), hashlib.sha256(content).hexdigest())
        target = upload.url.removeprefix(self._scheme_and_host)
        status, _ = self._asked().request("PUT", target, content, upload.headers)
        if status not in (200, 412):  # 412: it is there
            raise OSError(f"the bucket of {self._key_prefix}* answered {status}")

    def _asked(self) -> Origin:
        if self._origin is None:
            self._origin = Origin(self._base, timeout_seconds=_TIMEOUT_SECONDS)
        return self._origin

    @property
    def _scheme_and_host(self) -> str:
        return f"{urlsplit(self._base).scheme}://{self._host}"

    def _presigned(self, method: str, digest: str, seconds: int, headers: dict[str, str]) -> str:
        path = f"{self._prefix}/{digest}{self._suffix}"
        query = self._signer.query(method, self._host, path, seconds, headers)
        return f"{self._scheme_and_host}{path}?{query}"


def _base(s3_url: str, bucket: str) -> str:
    """Return where the bucket is: by its own host name at AWS, by path at an endpoint of one's own."""
    parts = urlsplit(s3_url)
    if (parts.hostname or "").endswith(".amazonaws.com") and "." not in bucket:
        return f"{parts.scheme}://{bucket}.{parts.netloc}"
    return f"{s3_url.rstrip('/')}/{bucket}"
