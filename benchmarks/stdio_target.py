"""Raw stdio, the floor every ratio is taken against."""

import contextlib
from collections.abc import AsyncIterator

from benchmarks.child import Child
from benchmarks.processes import Processes
from benchmarks.stdio import StdioSession
from benchmarks.target import Running, Target


@contextlib.asynccontextmanager
async def _start(child: Child) -> AsyncIterator[Running]:
    yield Running(Processes(None, child), lambda: StdioSession(child.argv))


RAW = Target("raw stdio", "pipes", has_own_children=True, start=_start)
