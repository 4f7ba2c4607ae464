"""What a build that runs elsewhere is told, what it says while it runs, and what it leaves (no I/O).

A build has run what strangers wrote: of what it says nothing is believed that is not checked here.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from mooring.release_bodies import BuiltPackage
from mooring.server_bodies import Body

MAX_REPORT_BYTES = 256 * 1024
MAX_REPORT_LINES = 500
MAX_RESULT_BYTES = 1024 * 1024
Identity = Annotated[str, Field(min_length=1, max_length=2000)]
Line = Annotated[str, Field(max_length=2000)]


class _Told(Body):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class BuildOrder(_Told):
    """What is to be built, and addresses: each is good for one thing, for as long as a build takes."""

    server: str
    release: str
    source: dict[str, Any]
    file: str | None = None
    """GET: what the publisher uploaded."""
    result: str
    """PUT, once: a BuildResult."""
    bundle: str
    """PUT, once: the archive of what was built."""
    report: str
    """POST: BuildReports, signed with `key`."""
    key: str
    seconds: float
    """How long the build itself may take."""
    bundle_bytes: int
    """Of the archive."""


class BuildReport(_Told):
    lines: list[Line] = Field(default_factory=list, max_length=MAX_REPORT_LINES)
    identity: Identity | None = None
    """Of its input, when that is known: it may have been built before."""


class ReportAnswer(_Told):
    is_wanted: bool
    """Otherwise the build is to end: the release was cancelled, or has ended."""
    is_known: bool = False
    """What it is made of was built before, for this server."""


class Failure(_Told):
    message: Annotated[str, Field(min_length=1, max_length=2000)]
    advice: Annotated[str, Field(max_length=2000)] = ""
    details: list[Line] = Field(default_factory=list, max_length=20)


class BuildResult(_Told):
    """One of `package`, `failed` and `is_known`."""

    identity: Identity | None = None
    package: BuiltPackage | None = None
    failed: Failure | None = None
    is_known: bool = False
    """Nothing was built: `identity` was before."""


def build_name(server: str, release: str) -> str:
    """Return what the signature of a build's reports is about; no session is called like that."""
    return f"build#{server}#{release}"
