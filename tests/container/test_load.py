"""300 clients at once on two workers in containers, for three minutes."""

import asyncio
import secrets
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import child, container_load, workspace
from mooring_local import processes
from tests.container.task import RESTRICTIONS, container

pytestmark = pytest.mark.integration

_CLIENTS = 300
_SECONDS = 180.0
_GROWTH_BYTES = 8 * 2**20


def test_300_sessions_lose_no_call_and_leave_nothing(worker_image: str, tmp_path: Path) -> None:
    workspace.prepare()
    echo = child.build()
    with container_load.platform(tmp_path) as platform, ExitStack() as workers:
        url = platform.publish(echo)
        for _ in range(2):
            environment = {
                **platform.worker_variables,
                "MOORING_WORKER_ID": secrets.token_hex(4),
                "MOORING_WORKER_HOST": "127.0.0.1",
                "MOORING_WORKER_PORT": str(processes.free_port()),
                "MOORING_CAPACITY": "200",
            }
            program = Path(echo.argv[0])
            workers.enter_context(container(worker_image, environment, RESTRICTIONS, {program: str(program)}))
        platform.until_announced(2)
        load = asyncio.run(container_load.load(platform, url, _CLIENTS, _SECONDS))

    print(load.describe())
    assert load.tally.failures == []
    assert load.left == 0
    assert load.tally.calls > _CLIENTS * _SECONDS / 2
    assert min(load.sessions().values()) > _CLIENTS / 4, load.describe()
    assert max(load.growth_bytes().values()) < _GROWTH_BYTES, load.describe()
