"""A release as server-sent events: `init` with what was logged so far, `log`, `status`, and `complete`.

An answer ends after a while (API Gateway allows 30 s, and a function's answer arrives as a whole): clients
connect again, and say with Last-Event-ID how many lines they have.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool

from mooring.release_table import ReleaseTable
from mooring.release_views import ReleaseViews
from mooring.releases import ReleaseRecord
from mooring.servers import Server

_LOOK_SECONDS = 0.2
_RETRY_MILLISECONDS = 500
_ENDS = ("AUTH_REQUIRED",)


async def events(
    table: ReleaseTable,
    views: ReleaseViews,
    server: Server,
    record: ReleaseRecord,
    after: int,
    seconds: float,
) -> AsyncIterator[str]:
    """Give the events of a release, after so many lines of its log, until it is over or for `seconds`."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    lines, after = await run_in_threadpool(table.lines, server.name, record.id, after)
    yield f"retry: {_RETRY_MILLISECONDS}\n\n"
    yield _event("init", after, {**views.listed(server, record), "logs": lines})
    status = record.status
    while not (record.is_over or status in _ENDS):
        if loop.time() >= ends_at:
            return
        await asyncio.sleep(_LOOK_SECONDS)
        record = await run_in_threadpool(
            table.get, server.name, record.id
        )  # before its lines: none is missed
        lines, following = await run_in_threadpool(table.lines, server.name, record.id, after)
        for number, line in enumerate(lines, following - len(lines) + 1):
            yield _event("log", number, line)
        after = following
        if record.status != status:
            status = record.status
            yield _event("status", after, {"status": status, "stage": record.stage})
    yield _event("complete", after, views.listed(server, record))


def _event(name: str, number: int, data: dict[str, Any]) -> str:
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data)}\n\n"
