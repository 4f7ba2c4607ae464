"""Bundles that no release names any more go, some days after: sessions that ran of them have ended."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mooring import trees
from mooring.clock import Clock
from mooring.dynamodb import from_item

EVERY_SECONDS = 3600.0
UPLOAD_SECONDS = 7 * 86_400.0
"""As long as the bucket of a Mooring in AWS keeps what is uploaded: after that a retry needs it again."""
_UNUSED = ".unused-"
"""Marks, beside a bundle, since when nobody names it: by the time of the file."""
_GOING = ".build-gone-"  # swept like what a killed maker left
_FETCHED = ".fetched-"  # its worker's own, which fetches it again
_DIGEST = re.compile("[0-9a-f]{64}")


class Sweep:
    """`client` is a boto3 DynamoDB client, `tables` are all that name bundles."""

    def __init__(
        self,
        client: Any,
        tables: tuple[str, ...],
        bundles: Path,
        unused_seconds: float,
        clock: Clock = time.time,
        uploads: Path | None = None,
    ) -> None:
        self._client = client
        self._tables = tables
        self._bundles = bundles
        self._uploads = uploads
        self._unused_seconds = unused_seconds
        self._clock = clock
        self._next_at = 0.0

    def run_if_due(self) -> None:
        if self._clock() >= self._next_at:
            self._next_at = self._clock() + EVERY_SECONDS
            self.run()
            self.remove_uploads()

    def remove_uploads(self) -> None:
        """Remove files that were uploaded long ago, or whose upload has not come to its end."""
        for path in self._uploads.iterdir() if self._uploads else ():
            if self._clock() - path.stat().st_mtime >= UPLOAD_SECONDS:
                path.unlink()

    def run(self) -> list[str]:
        """Mark what is not named any more, remove what was so for long enough; return the digests of that."""
        here = {path.name for path in self._bundles.iterdir() if _DIGEST.fullmatch(path.name)}
        named = set(self._named())  # after that: who builds names a bundle that is here already
        gone = []
        for digest in sorted(here):
            mark = self._bundles / f"{_UNUSED}{digest}"
            if digest in named or (self._bundles / f"{_FETCHED}{digest}").exists():
                mark.unlink(missing_ok=True)
            elif not mark.exists():
                mark.touch()
            elif self._clock() - mark.stat().st_mtime >= self._unused_seconds:
                self._remove(digest)
                mark.unlink()
                gone.append(digest)
        return gone

    def _named(self) -> Iterator[str]:
        for table in self._tables:
            pages = self._client.get_paginator("scan").paginate(
                TableName=table,
                ProjectionExpression="bundle, #release.bundle",
                ExpressionAttributeNames={"#release": "release"},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    row = from_item(item)
                    yield from filter(None, (row.get("bundle"), (row.get("release") or {}).get("bundle")))

    def _remove(self, digest: str) -> None:
        going = self._bundles / f"{_GOING}{digest}"
        trees.remove(going)
        (self._bundles / digest).rename(going)
        trees.remove(going)
