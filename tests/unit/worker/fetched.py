"""What the tests of fetched bundles do and look at."""

import asyncio
import os
from pathlib import Path
from typing import Any

from mooring.http1 import Response
from tests.unit.worker.harness import SERVERS, Worker
from tests.unit.worker.store import Store

NOISE = 400_000


def published(store: Store, folder: Path, **files: bytes) -> str:
    """Put a bundle into the store whose server is the echo, with its neighbours and `files` beside it."""
    neighbours = {path.name: path.read_bytes() for path in SERVERS.glob("*.py")}
    return store.put({**neighbours, **files}, folder)


async def order(worker: Worker, store: Store, digest: str, session_id: str = "s1", **fields: Any) -> Response:
    launch = {"command": "python3", "args": ["-u", "${bundle}/echo.py"]}
    return await worker.order(
        session_id, launch=launch, bundle=digest, bundle_url=store.address(digest), **fields
    )


async def until_running(worker: Worker, session_id: str = "s1") -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (session := await worker.session(session_id)) is None or session["state"] != "running":
            await asyncio.sleep(0.01)  # there is nothing to wait on but the list
    return session


def unfinished(home: Path) -> list[Path]:
    return list((home / "bundles").glob(".build-*"))


async def ended(worker: Worker) -> None:
    await worker.end()
    async with asyncio.timeout(10):
        while await worker.session():
            await asyncio.sleep(0.01)  # there is nothing to wait on but the list


def kept(home: Path) -> set[str]:
    return {path.name for path in (home / "bundles").iterdir() if not path.name.startswith(".")}


def fetching() -> list[int]:
    """Return the processes of this test that fetch a bundle."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"mooring_worker.bundle_fetch" in command and parent == os.getpid():
            found.append(int(entry.name))
    return found
