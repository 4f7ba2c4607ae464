"""`mooring up` as an operator meets it: the port, the files, Ctrl-C, crashes."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError

from tests.stack import MOORING, Stack, home_with_a_server, running, until_empty

pytestmark = pytest.mark.integration
SERVERS = Path(__file__).resolve().parents[1] / "servers"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_with_a_server(tmp_path / "home")


@pytest.fixture
def stack(home: Path) -> Iterator[Stack]:
    with running(home) as stack:
        yield stack


def up(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "MOORING_HOME": str(home), "MOORING_PORT": str(port)}
    return subprocess.run(
        [MOORING, "up"], env=variables, capture_output=True, text=True, timeout=20, check=False
    )


def names(stack: Stack) -> list[str]:
    status, answer = stack.call("GET", "/servers?pageSize=100")
    assert status == 200, answer
    return [server["qualifiedName"] for server in answer["servers"]]


async def until_listed(stack: Stack, *wanted: str) -> None:
    """Wait until these servers are all that is listed: the index is told of them within a second or two."""

    async def others() -> set[str]:
        return set(await asyncio.to_thread(names, stack)) ^ set(wanted)

    await until_empty(others, seconds=15)


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = up(tmp_path / "home", port)
    assert ended.returncode == 1
    assert f"port {port} is taken" in ended.stderr
    assert f"MOORING_PORT={port + 1} make up" in ended.stderr


def test_a_second_one_in_the_same_home_is_refused_and_the_first_one_goes_on(stack: Stack) -> None:
    ended = up(stack.home, 0)
    assert ended.returncode == 1
    assert f"already running on {stack.url}" in ended.stderr
    assert names(stack) == ["acme/listed"]


def test_run_json_is_there_while_it_runs_and_nobody_else_can_read_it(home: Path) -> None:
    with running(home) as stack:
        run_file = home / "run.json"
        assert stat.S_IMODE(run_file.stat().st_mode) == 0o600
        run = json.loads(run_file.read_text())
        assert set(run) == {"url", "ws_url", "api_key", "pid"}
        assert psutil.Process(run["pid"]).is_running()
        assert run["ws_url"] == run["url"].replace("http", "ws", 1)
        assert stack.api_key.startswith("mk_")
    assert not run_file.exists()


def test_the_operator_s_key_stays_the_same_from_run_to_run(home: Path) -> None:
    with running(home) as stack:
        first = stack.api_key
    with running(home) as stack:
        assert stack.api_key == first
        assert names(stack) == ["acme/listed"]


async def test_servers_keys_and_profiles_survive_the_death_of_every_process(home: Path) -> None:
    with running(home) as stack:
        stack.put("acme/echo", sys.executable, SERVERS / "echo.py")
        _, key = stack.call("POST", "/keys", {"name": "ci", "role": "client"})
        assert stack.call("PUT", "/profiles/mine", {"config": {"token": "t0p"}})[0] == 200
        await journaled(home, "acme/echo", key["id"], "mine")

        stack.kill()
        assert stack.processes() == []
        stack.start()

        await until_listed(stack, "acme/listed", "acme/echo")
        assert stack.call("GET", "/profiles") == (200, {"profiles": [{"name": "mine"}]})
        stack.api_key = key["key"]
        assert stack.call("GET", "/servers")[0] == 200


async def journaled(home: Path, *texts: str) -> None:
    """Wait until each text is on disk: the promise is a second."""

    async def missing() -> list[str]:
        written = "".join(path.read_text() for path in (home / "state").glob("*.jsonl"))
        return [text for text in texts if text not in written]

    await until_empty(missing, seconds=1.0)


@pytest.mark.parametrize("part", ["worker", "emulator", "gateway"])
async def test_a_part_that_dies_is_started_again(stack: Stack, part: str) -> None:
    dead = stack.pid(part)
    os.kill(dead, signal.SIGKILL)

    async def not_replaced() -> Any:
        return stack.pid(part) == dead or await asyncio.to_thread(nobody_takes_sessions, stack)

    await until_empty(not_replaced, seconds=15)
    assert names(stack) == ["acme/listed"]


def nobody_takes_sessions(stack: Stack) -> bool:
    try:
        return stack.worker_sessions() != []
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess, BotoCoreError):
        return True
