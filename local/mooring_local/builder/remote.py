"""One build on a machine of its own, as CodeBuild runs it: `python -m mooring_local.builder.remote`.

It gets its order from an address, builds, says meanwhile what it does, and leaves the bundle and what there
is to say of it at two other addresses. There is nothing else it may do. It becomes another user before it
reads anything: what a build runs sees neither those addresses nor what the machine was started with.
"""

import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mooring import archives
from mooring.build_bodies import BuildOrder, BuildResult, Failure
from mooring.errors import MooringError
from mooring.settings import RemoteBuildSettings
from mooring_local.builder.build import Builder, Built
from mooring_local.builder.egress import Egress
from mooring_local.builder.inputs import Inputs
from mooring_local.builder.isolation import Limits
from mooring_local.builder.reporting import Reports, fetch, fetch_file, leave
from mooring_local.packages import BuildFailed

_REPORT_SECONDS = 1.0


def main() -> int:
    settings = RemoteBuildSettings.read()
    _become(settings.build_uid)
    order = BuildOrder.model_validate_json(fetch(settings.build_order))
    limits = Limits(
        min(order.seconds, settings.build_seconds),
        settings.build_memory_bytes,
        settings.build_disk_bytes,
        settings.build_processes,
    )
    with tempfile.TemporaryDirectory(prefix="mooring-remote-", ignore_cleanup_errors=True) as folder:
        result = asyncio.run(Remote(order, Path(folder), limits).work())
    if result is not None:
        leave(order.result, result.model_dump_json(by_alias=True, exclude_none=True).encode())
    return 0


class Known(Exception):
    """The input was built before: there is nothing to build."""


class Asked(Inputs):
    """Asks who keeps what was built of which input; the bundle is not here in any case."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self.identity: str | None = None

    def find(self, server: str, identity: str) -> dict[str, Any] | None:
        self.identity = identity
        if self._reports.is_known(identity):
            raise Known
        return None

    def keep(self, server: str, identity: str, built: dict[str, Any]) -> None:
        self.identity = identity


class Remote:
    """One build, in a `folder` that goes with it."""

    def __init__(self, order: BuildOrder, folder: Path, limits: Limits) -> None:
        self._order = order
        self._folder = folder
        self._reports = Reports(order)
        self._inputs = Asked(self._reports)
        self._bundles = folder / "bundles"
        self._builder = Builder(
            folder / "home", self._bundles, folder / "runtimes", limits, Egress(), self._inputs
        )

    async def work(self) -> BuildResult | None:
        """Build, and leave the bundle; return what to say of it. None: it is not wanted any more."""
        building = asyncio.create_task(self._build())
        try:
            while not (await asyncio.wait({building}, timeout=_REPORT_SECONDS))[0]:
                if not await asyncio.to_thread(self._reports.send):
                    return None
            return await building
        finally:
            building.cancel()
            await asyncio.wait({building})
            await asyncio.to_thread(self._reports.send)

    async def _build(self) -> BuildResult:
        order, inputs = self._order, self._inputs
        try:
            file = None
            if order.file:
                file = self._folder / order.source["sha256"]
                await asyncio.to_thread(fetch_file, order.file, file, order.source["sha256"])
            built = await self._builder.build(order.server, order.source, file, self._progress)
            await asyncio.to_thread(self._deliver, built)
            return BuildResult(identity=inputs.identity, package=built.package)
        except Known:
            return BuildResult(identity=inputs.identity, is_known=True)
        except BuildFailed as error:
            details = [line[:2000] for line in error.details[:20]]
            failure = Failure(message=error.cause[:2000], advice=error.next_step[:2000], details=details)
            return BuildResult(failed=failure)
        except MooringError as error:
            return BuildResult(failed=Failure(message=error.message[:2000]))

    def _deliver(self, built: Built) -> None:
        archive = self._folder / "bundle.tar.gz"
        with archive.open("wb") as to:
            archives.pack(self._bundles / built.digest, to)
        size_bytes = archive.stat().st_size
        if size_bytes > self._order.bundle_bytes:
            raise BuildFailed(
                f"what was built has {size_bytes} bytes, packed; {self._order.bundle_bytes} are taken",
                "Leave out what is not needed to run it",
            )
        with archive.open("rb") as content:
            leave(self._order.bundle, content, size_bytes)

    def _progress(self, line: str) -> None:
        # The machine's own log is what is looked at when a build ends without another word.
        with suppress(OSError):
            sys.stdout.write(line.encode(errors="replace").decode() + "\n")
            sys.stdout.flush()
        self._reports.add(line)


def _become(uid: int) -> None:
    """Run as `uid` from here on, for good, if that is ours to say.

    What has changed its user may not be looked into by others of the same user, nor may its environment.
    """
    if uid and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


if __name__ == "__main__":
    sys.exit(main())
