"""`mooring import` on a running Mooring, from a registry on a loopback port and from files."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import other_registry
from tests.other_registry import OtherRegistry
from tests.stack import MOORING, Stack, home_with_a_server, running, until_empty

pytestmark = pytest.mark.integration

_PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def mooring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(home_with_a_server(tmp_path_factory.mktemp("import") / "home")) as stack:
        yield stack


@pytest.fixture
def there(request: pytest.FixtureRequest) -> Iterator[OtherRegistry]:
    """A registry with eight servers of an owner that no other test has."""
    with other_registry.running() as registry:
        for number in range(8):
            registry.publish(f"io.github.{owner(request)}/s{number}")
        yield registry


def owner(request: pytest.FixtureRequest) -> str:
    return f"o{abs(hash(request.node.name)) % 10**9}"


def imported(mooring: Stack, *arguments: str | Path) -> dict[str, Any]:
    """Run `mooring import --json`; return the counts."""
    counts: dict[str, Any] = json.loads(mooring.command("import", "--json", *arguments))["counts"]
    return counts


def started(mooring: Stack, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [MOORING, "import", *arguments],
        env={**os.environ, **mooring.variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def catalog(mooring: Stack) -> dict[str, Any]:
    """Return every item of the catalog's table."""
    return {f"{row['server']['S']} {row['item']['S']}": row for row in mooring.rows("catalog")}


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_an_import_ended_in_the_middle_goes_on_where_it_was(
    mooring: Stack, there: OtherRegistry, request: pytest.FixtureRequest, ending: signal.Signals
) -> None:
    there.hold = f"io.github.{owner(request)}/s5"
    process = started(mooring, "--from", there.url)
    assert there.is_held.wait(_PATIENCE_SECONDS)
    process.send_signal(ending)
    _, told = process.communicate(timeout=_PATIENCE_SECONDS)
    if ending is signal.SIGINT:
        assert told.splitlines() == ["Error: Stopped", "Next: The same command goes on where it was"]
    there.hold = ""
    there.release.set()
    asked = len(there.asked)

    assert imported(mooring, "--from", there.url) == {"created": 2}

    assert there.asked[asked]["cursor"] == f"io.github.{owner(request)}/s5"
    for number in range(8):
        assert mooring.call("GET", f"/servers/{owner(request)}/s{number}")[0] == 200


def test_a_second_import_changes_nothing(
    mooring: Stack, there: OtherRegistry, request: pytest.FixtureRequest
) -> None:
    assert imported(mooring, "--from", there.url) == {"created": 8}
    before = catalog(mooring)
    assert imported(mooring, "--from", there.url) == {}
    assert imported(mooring, "--from", there.url, "--full") == {"unchanged": 8}
    assert catalog(mooring) == before


def test_what_changes_there_changes_here_and_what_goes_there_goes_here(
    mooring: Stack, there: OtherRegistry, request: pytest.FixtureRequest
) -> None:
    imported(mooring, "--from", there.url)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    there.publish(f"io.github.{owner(request)}/s1", updated_at=now, version="2.0.0", title="New")
    there.publish(f"io.github.{owner(request)}/s2", updated_at=now, status="deleted")

    assert imported(mooring, "--from", there.url) == {"updated": 1, "deleted": 1}

    assert mooring.call("GET", f"/servers/{owner(request)}/s1")[1]["displayName"] == "New"
    assert mooring.call("GET", f"/servers/{owner(request)}/s2")[0] == 404


def test_a_server_published_here_stays_and_the_other_one_keeps_its_whole_name(
    mooring: Stack, there: OtherRegistry, request: pytest.FixtureRequest
) -> None:
    mine = f"{owner(request)}/s3"
    assert mooring.call("PUT", f"/servers/{mine}", {"displayName": "Mine"})[0] == 201

    assert imported(mooring, "--from", there.url) == {"created": 8}

    assert mooring.call("GET", f"/servers/{mine}")[1]["displayName"] == "Mine"
    assert mooring.call("GET", f"/servers/io.github.{mine}")[0] == 200
    assert imported(mooring, "--from", there.url, "--full") == {"unchanged": 8}


def test_a_mirror_is_kept_fresh_until_ctrl_c(
    mooring: Stack, there: OtherRegistry, request: pytest.FixtureRequest
) -> None:
    process = started(mooring, "--from", there.url, "--every", "0.01s")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while sum("updated_since" in asked for asked in list(there.asked)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        there.was_asked.wait(_PATIENCE_SECONDS)
        there.was_asked.clear()
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    assert told.splitlines()[:2] == ["8 created", "Nothing has changed"]


async def test_a_file_of_lines_is_imported_and_found(mooring: Stack, tmp_path: Path) -> None:
    file = tmp_path / "servers.jsonl"
    lines = [
        {
            "qualifiedName": f"@lines/s{number}",
            "displayName": f"Server {number}",
            "description": f"Counts the whales of bay {number}.",
            "owner": "lines",
            "repo": f"s{number}",
            "category": "nature",
            "keywords": "whales; bays",
            "tools": [{"name": f"count_{number}", "description": "Counts."}],
            "hosted": number % 2 == 0,
        }
        for number in range(200)
    ]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert imported(mooring, file) == {"created": 200}
    before = catalog(mooring)
    assert imported(mooring, file) == {"unchanged": 200}
    assert catalog(mooring) == before

    _, hosted = mooring.call("GET", "/servers/lines/s10")
    assert hosted["description"] == "Counts the whales of bay 10."
    assert hosted["tools"] == [{"name": "count_10", "description": "Counts."}]

    async def not_indexed() -> int:
        _, found = await asyncio.to_thread(mooring.call, "GET", "/servers?q=owner:lines")
        return 200 - int(found["pagination"]["totalCount"])

    await until_empty(not_indexed, _PATIENCE_SECONDS)
    _, found = mooring.call("GET", "/servers?q=owner:lines+is:deployed")
    assert found["pagination"]["totalCount"] == 100


def test_a_line_that_the_registry_refuses_is_told_by_its_number(mooring: Stack, tmp_path: Path) -> None:
    file = tmp_path / "servers.jsonl"
    good, bad = {"qualifiedName": "lines/good"}, {"qualifiedName": "lines/bad", "homepage": "not an address"}
    file.write_text(f"{json.dumps(bad)}\n{json.dumps(good)}\n", encoding="utf-8")
    process = started(mooring, str(file))
    said, told = process.communicate(timeout=_PATIENCE_SECONDS)
    assert (process.returncode, said) == (1, "1 created, 1 invalid\n")
    assert told.startswith("line 1: lines/bad: homepage")
