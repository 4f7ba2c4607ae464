"""`python -m benchmarks.releases`: how long a release takes, from its request on; medians.

A small server without dependencies, so that what is measured is Mooring: the way through queue, isolated
build, scan and publishing; the same again with nothing changed; going back.
"""

import argparse
import asyncio
import hashlib
import io
import shutil
import tempfile
import urllib.request
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import uvloop

from benchmarks import child, mooring_stack, workspace
from benchmarks.machine import machine
from mooring.client.registry import Registry
from mooring_cli import packing

_NAME = "bench/release"
_POLL_SECONDS = 0.01
_OVER = frozenset({"SUCCESS", "FAILURE", "FAILURE_SCAN", "CANCELLED", "INTERNAL_ERROR"})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.releases", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="of each, 7")
    options = parser.parse_args()
    workspace.prepare()
    rows = uvloop.run(_measured(options.rounds))
    print(f"{machine()}, {options.rounds} rounds, medians (and the longest)\n")
    print("| what | seconds |\n|---|---:|")
    for what, seconds in rows.items():
        print(f"| {what} | {median(seconds):.2f} ({max(seconds):.2f}) |")


async def _measured(rounds: int) -> dict[str, list[float]]:
    with mooring_stack.temporary_home() as home:
        async with mooring_stack.serving(home) as (run, _):
            return await asyncio.to_thread(_rounds, Registry(run["url"], run["api_key"]), run, rounds)


def _rounds(registry: Registry, run: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    registry.put_server(_NAME, {})
    rows: dict[str, list[float]] = {
        "a changed folder: queued, built, scanned, live": [],
        "the same, unchanged: live": [],
        "of that, until the bundle was found": [],
        "going back to the release before": [],
    }
    changed, unchanged, found, back = rows.values()
    before = ""
    for number in range(rounds):
        source = _uploaded(registry, run, number)
        first, seconds, _ = _released(registry, source)
        changed.append(seconds)
        _, seconds, until_built = _released(registry, source)
        unchanged.append(seconds)
        found.append(until_built)
        if before:
            started_at = perf_counter()
            registry.act_on_release(_NAME, before, "rollback")
            back.append(perf_counter() - started_at)
        before = first
    return rows


def _uploaded(registry: Registry, run: dict[str, Any], number: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copy(child.SOURCES / "echo.py", folder / "server.py")
        (folder / "requirements.txt").write_text("")
        (folder / "number.txt").write_text(str(number))
        archive = io.BytesIO()
        packing.pack(folder, archive)
    content = archive.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    upload = registry.request_file_upload(sha256, len(content))
    if upload:
        headers = {"Authorization": f"Bearer {run['api_key']}"}
        request = urllib.request.Request(upload["url"], content, headers, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
    return {"type": "upload", "sha256": sha256, "name": "folder.tar.gz"}


def _released(registry: Registry, source: dict[str, Any]) -> tuple[str, float, float]:
    """Return the id of a release, the seconds until it was live, and until its bundle was there."""
    started_at, built_at = perf_counter(), 0.0
    wanted = registry.request_release(_NAME, {"source": source})["id"]
    while (one := registry.release(_NAME, wanted))["status"] not in _OVER:
        if one["bundle"] and not built_at:
            built_at = perf_counter()
        sleep(_POLL_SECONDS)
    ended_at = perf_counter()
    assert one["status"] == "SUCCESS", one["error"]
    return wanted, ended_at - started_at, (built_at or ended_at) - started_at


if __name__ == "__main__":
    main()
