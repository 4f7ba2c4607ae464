"""What bundles this Mooring takes, and how they get to where its workers fetch them."""

from dataclasses import dataclass

from mooring.bundle_store import BundleStore, Upload
from mooring.errors import Conflict, InvalidRequest, WorkerUnavailable
from mooring.servers import Release


@dataclass(frozen=True)
class Bundles:
    store: BundleStore | None = None
    """None: bundles are built where the workers are, and none is taken from elsewhere."""
    worker_platform: str = ""
    """What native code is to be for, such as `linux-aarch64`; empty: nobody knows."""
    upload_bytes: int = 0
    """Of one archive."""

    def upload(self, digest: str, size_bytes: int, sha256: str, platform: str | None) -> Upload | None:
        """Return how to upload an archive; None: it is there.

        `platform` is what its native code is for, None where there is none.

        Raises:
            Conflict: no bundles are taken here.
            InvalidRequest: it is too large, or for another platform.
            WorkerUnavailable: the store does not answer.
        """
        if self.store is None:
            raise Conflict(
                "this Mooring takes no bundles: its workers have them on their disks; "
                "build where it runs, or set MOORING_BUNDLES"
            )
        if size_bytes > self.upload_bytes:
            raise InvalidRequest(f"sizeBytes is over {self.upload_bytes}, the limit of an archive")
        if platform and self.worker_platform and platform != self.worker_platform:
            raise InvalidRequest(
                f"platform: the bundle holds native code for {platform}, and workers here are "
                f"{self.worker_platform}; build it on such a machine"
            )
        return None if self._has(self.store, digest) else self.store.upload(digest, size_bytes, sha256)

    def check(self, release: Release | None) -> None:
        """Check that the workers will find the bundle of a release that is published.

        Raises:
            InvalidRequest: it was not uploaded.
            WorkerUnavailable: the store does not answer.
        """
        if self.store and release and release.bundle and not self._has(self.store, release.bundle):
            raise InvalidRequest(
                f"release.bundle: {release.bundle} is not in the store of bundles; upload it: POST /bundles"
            )

    def _has(self, store: BundleStore, digest: str) -> bool:
        try:
            return store.has(digest)
        except OSError as error:
            raise WorkerUnavailable("the store of bundles does not answer; try again") from error
