"""One call, followed by its session's id through the logs of a whole Mooring."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.raw_client import raw_client
from tests.stack import Stack, home_with_a_server, running

pytestmark = pytest.mark.integration

SERVERS = Path(__file__).parents[1] / "servers"
SECRET, PARAMS = "hunter2-of-the-configuration", "what-the-client-asked"
SCHEMA = {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}
PROGRAM = f"""
import os, runpy, sys
print("this is", os.environ["MOORING_SESSION_ID"], file=sys.stderr, flush=True)
sys.path.insert(0, {str(SERVERS)!r})
runpy.run_path({str(SERVERS / "echo.py")!r}, run_name="__main__")
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("MOORING_LOG_LEVEL", "DEBUG")
    with running(home_with_a_server(tmp_path / "home")) as stack:
        stack.put("test/echo", sys.executable, "-c", PROGRAM, schema=SCHEMA)
        yield stack


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


async def test_one_id_leads_from_the_connection_to_what_the_child_printed(stack: Stack) -> None:
    async with raw_client(stack.connect_url("test/echo", {"token": SECRET})) as client:
        await client.initialize()
        result = await client.call_tool("echo", text=PARAMS)
        assert result["content"][0]["text"] == PARAMS
        (session,) = stack.worker_sessions()
    await stack.until_no_session_is_left()

    functions_log = stack.home.with_suffix(".log")  # the gateway's process has the terminal of `mooring up`
    worker_log = stack.home / "logs" / "worker.log"
    of_functions = [line for line in lines_of(functions_log) if line.get("session_id") == session["id"]]
    of_worker = [line for line in lines_of(worker_log) if line.get("session_id") == session["id"]]
    printed = stack.command("logs", session["id"])

    assert {"connection opened", "frame passed on", "connection closed"} <= {
        line["message"] for line in of_functions
    }
    assert [line["message"] for line in of_worker if "session" in line["message"]] == [
        "session started",
        "session ended",
    ]
    assert len({line["connection_id"] for line in [*of_functions, *of_worker]}) == 1
    assert f"this is {session['id']}" in printed

    logs = [functions_log, *(stack.home / "logs").iterdir()]
    everything = "".join(log.read_text() for log in logs) + printed
    assert [what for what in (SECRET, PARAMS) if what in everything] == []
    # `mooring up` tells its user the key, on the terminal; no line of a log may.
    assert [line for log in logs for line in lines_of(log) if stack.api_key in json.dumps(line)] == []
