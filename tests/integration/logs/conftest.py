from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mooring.logs_api import ChildLogs
from mooring.registry_api import create_app
from mooring.workers import WorkerClient, WorkerTable
from mooring_local import tables
from tests.integration import registry
from tests.integration.logs.platform import SECRET, Platform, Worker
from tests.integration.registry import Registry
from tests.unit.loopback import serving


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry.running(tmp_path_factory.mktemp("registry")) as known:
        registry.put_server(known.dynamodb, "Acme/Echo")
        yield known


@pytest.fixture(scope="module")
def platform(known: Registry) -> Iterator[Platform]:
    workers = WorkerTable(known.dynamodb, tables.name("workers"), fresh_seconds=0)
    logs = ChildLogs(workers, WorkerClient(SECRET, timeout_seconds=1))
    app = create_app(
        known.catalog,
        known.editor,
        known.keys,
        known.tickets,
        known.profiles,
        logs,
        ws_url="wss://h",
        public_url="https://h",
    )
    yield Platform(app, known.admin_key)


@pytest.fixture
def new_worker(known: Registry, tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    """Start another worker."""
    started: list[Worker] = []

    with serving(lambda *request: (200, b"")) as connections_url:

        def start() -> Worker:
            started.append(Worker(known, tmp_path, connections_url))
            return started[-1]

        try:
            yield start
        finally:
            for worker in started:
                worker.kill()


@pytest.fixture
def worker(new_worker: Callable[[], Worker]) -> Worker:
    return new_worker()


@pytest.fixture
def url(platform: Platform) -> Iterator[str]:
    with platform.serving():
        yield platform.url
