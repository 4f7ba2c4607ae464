"""The files of builds: what a build is told, where it leaves what it made, and where that stays."""

from typing import Any, Self

from mooring import archives
from mooring.archives import Bounds
from mooring.build_bodies import MAX_RESULT_BYTES
from mooring.bundle_store import BundleStore
from mooring.errors import BundleUnusable
from mooring.settings import AwsSettings, Settings

_ORDER = "order.json"
_RESULT = "result.json"
_BUNDLE = "bundle.tar.gz"


class BuildFiles:
    """`s3` is a boto3 client. `builds` is where builds leave what they make, for a few days."""

    def __init__(
        self, s3: Any, builds: BundleStore, uploads: BundleStore, bundles: BundleStore, bounds: Bounds
    ) -> None:
        self._s3 = s3
        self._builds = builds
        self._uploads = uploads
        self._bundles = bundles
        self._bounds = bounds

    @classmethod
    def configured(cls, s3: Any, settings: Settings, aws: AwsSettings) -> Self:
        """Return the files of the settings `build_files`, `uploads` and `bundles`; raises SettingsError."""
        return cls(
            s3,
            BundleStore(settings.build_files, aws, suffix=""),
            BundleStore(settings.uploads, aws),
            BundleStore(settings.bundles, aws),
            Bounds(settings.bundle_bytes, settings.bundle_files),
        )

    def has_upload(self, sha256: str) -> bool:
        return self._uploads.has(sha256)

    def upload(self, sha256: str, seconds: int) -> str:
        """Return an address of what a publisher uploaded."""
        return self._uploads.address(sha256, seconds)

    def result_place(self, build: str, seconds: int) -> str:
        return self._builds.place(f"{build}/{_RESULT}", seconds)

    def bundle_place(self, build: str, seconds: int) -> str:
        return self._builds.place(f"{build}/{_BUNDLE}", seconds)

    def order(self, build: str, order: bytes, seconds: int) -> str:
        """Keep what a build is told and return its address."""
        name = f"{build}/{_ORDER}"
        self._s3.put_object(Bucket=self._builds.bucket, Key=self._builds.key(name), Body=order)
        return self._builds.address(name, seconds)

    def result(self, build: str) -> bytes | None:
        """Return what a build says of itself; None: it says nothing, or more than there is to say."""
        answer = self._found(f"{build}/{_RESULT}")
        if answer is None or answer["ContentLength"] > MAX_RESULT_BYTES:
            return None
        content: bytes = answer["Body"].read()
        return content

    def has_bundle(self, digest: str) -> bool:
        return self._bundles.has(digest)

    def keep_bundle(self, build: str, max_bytes: int) -> str:
        """Have the workers find what a build has made; return its digest, which is computed here.

        What else is there under that name goes: it was none of that content, or is the same.

        Raises:
            BundleUnusable: there is none, it is too large, or it is no bundle.
        """
        answer = self._found(f"{build}/{_BUNDLE}")
        if answer is None:
            raise BundleUnusable("the build has left no bundle")
        if answer["ContentLength"] > max_bytes:
            raise BundleUnusable(f"the bundle's archive has more than {max_bytes} bytes")
        digest = archives.digest(answer["Body"], self._bounds)
        self._s3.copy_object(
            Bucket=self._bundles.bucket,
            Key=self._bundles.key(digest),
            CopySource={"Bucket": self._builds.bucket, "Key": self._builds.key(f"{build}/{_BUNDLE}")},
            CopySourceIfMatch=answer["ETag"],
        )
        return digest

    def _found(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._s3.get_object(
                Bucket=self._builds.bucket, Key=self._builds.key(name)
            )
        except self._s3.exceptions.NoSuchKey:
            return None
        return found
