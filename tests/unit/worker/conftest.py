from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from mooring import trees
from tests.unit.worker.edge import Edge
from tests.unit.worker.harness import Worker, running, serving
from tests.unit.worker.store import Store

Start = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}  # as the worker


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with Edge.serving() as edge:
        yield edge


@pytest.fixture
async def start(edge: Edge, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Start a worker's agent in this process, behind its real HTTP API; arguments are settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Worker:
            return await stack.enter_async_context(serving(edge, tmp_path, **settings))

        yield start


@pytest.fixture
async def spawn(edge: Edge, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Start a worker as the process it is."""
    async with AsyncExitStack() as stack:

        async def spawn(**settings: Any) -> Worker:
            return await stack.enter_async_context(running(edge, tmp_path, **settings))

        yield spawn


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of bundles; those that a worker has fetched from it go after the test."""
    async with Store.serving() as store:
        yield store
    trees.remove(tmp_path / "bundles")
