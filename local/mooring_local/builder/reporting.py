"""What a build on a machine of its own says to who ordered it, and what it fetches and leaves, over HTTP."""

import hashlib
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

from mooring import callbacks
from mooring.build_bodies import (
    BuildOrder,
    BuildReport,
    ReportAnswer,
    build_name,
)
from mooring.bundle_store import ONCE
from mooring.uploads import MAX_UPLOAD_BYTES
from mooring_local.packages import BuildFailed

_TIMEOUT_SECONDS = 30.0
_TRIES = 3
_CHUNK_BYTES = 1 << 20
_LINE_CHARACTERS = 2000
_MAX_ORDER_BYTES = 4 * 1024 * 1024
_BATCH_LINES = 100


class Reports:
    """Lines that wait, and what was answered last. Safe to share between threads."""

    def __init__(self, order: BuildOrder) -> None:
        self._url = f"{order.report}?{urlencode({'server': order.server})}"
        self._key = bytes.fromhex(order.key)
        self._name = build_name(order.server, order.release)
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def add(self, line: str) -> None:
        with self._lock:
            self._lines.append(line.encode(errors="replace").decode()[:_LINE_CHARACTERS])

    def send(self) -> bool:
        """Send what waits; return whether the build is still wanted, as far as one can tell."""
        while True:
            with self._lock:
                lines = self._lines[:_BATCH_LINES]
            answer = self._post(BuildReport(lines=lines))
            if answer is None:  # next time, then
                return True
            with self._lock:
                del self._lines[: len(lines)]
                is_more = bool(self._lines)
            if not answer.is_wanted or not is_more:
                return answer.is_wanted

    def is_known(self, identity: str) -> bool:
        """Ask whether this input was built before."""
        answer = self._post(BuildReport(identity=identity))
        return answer is not None and answer.is_known

    def _post(self, report: BuildReport) -> ReportAnswer | None:
        body = report.model_dump_json(by_alias=True).encode()
        headers = callbacks.signed(self._key, self._name, body, time.time())
        request = urllib.request.Request(
            self._url, body, {**headers, "content-type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                return ReportAnswer.model_validate(json.loads(answer.read()))
        except (OSError, ValueError):  # it is the log that suffers, not the build
            return None


def fetch(url: str) -> bytes:
    """Return what is at `url`; raises OSError."""
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
        content: bytes = answer.read(_MAX_ORDER_BYTES)
        return content


def fetch_file(url: str, to: Path, sha256: str) -> None:
    """Write what is at `url` into a file.

    Raises:
        BuildFailed: it is not what was uploaded, or is gone.
    """
    digest, size_bytes = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, to.open("wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > MAX_UPLOAD_BYTES:
                    raise BuildFailed(f"the upload has more than {MAX_UPLOAD_BYTES} bytes", "Make it smaller")
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        with error:
            raise BuildFailed("the upload is gone", "Upload it again") from error
    if digest.hexdigest() != sha256:
        raise BuildFailed("the upload is another file than it was said to be", "Upload it again")


def leave(url: str, content: bytes | IO[bytes], size_bytes: int | None = None) -> None:
    """Put something to where it may be put once; raises OSError.

    That something is there already is no error: it was put by a try whose answer was lost.
    """
    length = len(content) if isinstance(content, bytes) else size_bytes
    headers: dict[str, Any] = {**ONCE, "content-length": str(length), "content-type": ""}
    for left in reversed(range(_TRIES)):
        if not isinstance(content, bytes):
            content.seek(0)
        request = urllib.request.Request(url, content, headers, method="PUT")
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()
            return
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 412:
                    return
                if not left or error.code < 500:
                    raise
        except OSError:
            if not left:
                raise
