import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mooring.errors import ChildExited, ScanFailed
from mooring.keys import OF_ROLE, SCOPES
from mooring_cli import keys
from mooring_cli.failures import failure
from tests.unit.cli.hand_made import KEY, TOOL, HandMade, entry

Run = Callable[..., Result]


@pytest.fixture
def weather(platform: HandMade) -> HandMade:
    schema = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}
    platform.servers["acme/weather"] = entry(
        "acme/weather",
        {
            "description": "Tells the weather",
            "tools": [TOOL],
            "connections": [{"type": "ws", "url": "ws://host/acme/weather/ws", "configSchema": schema}],
        },
    )
    return platform


def test_no_mooring_here_says_how_to_start_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORING_HOME", str(tmp_path))
    monkeypatch.delenv("MOORING_URL", raising=False)

    result = run("list")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "Error: Mooring is not running here"
    assert "make up" in result.stderr.splitlines()[1]


def test_help_needs_no_mooring(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_HOME", str(tmp_path))

    assert run("add", "--help").exit_code == 0


def test_a_mooring_that_does_not_answer_is_named(
    run: Run, platform: HandMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORING_URL", "http://127.0.0.1:1")
    assert run("list").exit_code == 1

    monkeypatch.setenv("MOORING_API_KEY", KEY)
    result = run("list")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr


def test_the_environment_names_another_mooring(
    run: Run, weather: HandMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.json").unlink()
    monkeypatch.setenv("MOORING_URL", weather.url)
    monkeypatch.setenv("MOORING_API_KEY", KEY)

    assert "acme/weather" in run("list").stdout


def test_servers_are_listed_for_people_and_for_programs(run: Run, weather: HandMade) -> None:
    assert "acme/weather  yes     3      Tells the weather" in run("list").stdout
    assert json.loads(run("list", "--json").stdout)[0]["qualifiedName"] == "acme/weather"


def test_show_tells_how_to_connect_configure_and_what_it_can_do(run: Run, weather: HandMade) -> None:
    shown = run("show", "@acme/weather").stdout

    assert "ws: ws://host/acme/weather/ws" in shown
    assert "key     string  required" in shown
    assert "look  Look around." in shown


def test_the_tools_are_those_of_the_catalog(run: Run, weather: HandMade) -> None:
    assert run("tools", "acme/weather").stdout.splitlines()[1] == "look  Look around."
    assert json.loads(run("tools", "acme/weather", "--json").stdout) == [TOOL]


def test_remove_is_silent(run: Run, weather: HandMade) -> None:
    result = run("remove", "acme/weather")

    assert (result.exit_code, result.output) == (0, "")
    assert weather.servers == {}


def test_an_unknown_server_leads_to_those_there_are(run: Run, platform: HandMade) -> None:
    result = run("show", "acme/nothing")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: there is no server acme/nothing",
        "Next: See which servers there are: mooring list",
    ]


def test_the_url_holds_configuration_and_key(run: Run, platform: HandMade, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')

    url = run("url", "acme/weather", "--config", str(tmp_path / "config.json")).stdout

    assert url == f"{platform.ws_url}/acme/weather/ws?config=eyJhIjoxfQ%3D%3D&api_key={KEY}\n"


def test_the_url_can_be_pinned_to_what_the_server_offers(run: Run, weather: HandMade) -> None:
    weather.servers["acme/weather"]["surface"] = "ab" * 32

    assert run("url", "acme/weather", "--pin").stdout.endswith(f"&pin={'ab' * 32}\n")
    assert f"surface: {'ab' * 32}" in run("show", "acme/weather").stdout


def test_a_scan_that_failed_says_itself_what_is_next() -> None:
    told = failure(ScanFailed("it ended", {"advice": "List tools without keys", "exitCode": 1}))

    assert (told.message, told.next_step, told.details) == (
        "it ended",
        "List tools without keys",
        ("exit code: 1",),
    )


def test_what_was_never_scanned_cannot_be_pinned(run: Run, weather: HandMade) -> None:
    result = run("url", "acme/weather", "--pin")

    assert result.exit_code == 1
    assert "cannot be pinned" in result.stderr


def test_keys_are_made_listed_and_revoked(run: Run, platform: HandMade) -> None:
    assert run("keys", "create", "ci", "--role", "admin").stdout == "mk_new\n"
    listed = run("keys", "list").stdout.splitlines()
    assert listed == [
        "ID  KEY       MAY      LAST USED         ENDS              NAME",
        "k1  mk_ab12…  admin    2026-11-21 08:30  never             me",
        "k2  mk_ab12…  publish  never             2027-01-01 00:00  me",
        "k3  mk_ab12…  client   2026-11-21 08:30  revoked           me",
    ]
    assert run("keys", "revoke", "k1").output == ""
    assert platform.asked[-1] == ("DELETE", "/keys/k1")


def test_a_key_is_made_as_it_is_wanted(run: Run, platform: HandMade) -> None:
    assert (tuple(OF_ROLE), SCOPES) == (keys.ROLES, keys.SCOPES)
    wanted = ("--scope", "publish", "--scope", "read", "--principal", "team", "--expires", "90d", "--json")
    made = json.loads(run("keys", "create", "ci", *wanted).stdout)
    assert (
        made.items()
        >= {
            "name": "ci",
            "scopes": ["publish", "read"],
            "principal": "team",
            "expiresInSeconds": 90 * 86_400,
        }.items()
    )
    assert "role" not in made


def test_a_call_prints_the_text_of_the_answer(run: Run, platform: HandMade) -> None:
    assert run("call", "acme/weather", "look", '{"far": true}').stdout == '{"far": true}\n'
    answer = json.loads(run("call", "acme/weather", "look", "--json").stdout)
    assert answer["content"][0]["text"] == "{}"


def test_a_call_that_the_tool_fails_fails(run: Run, platform: HandMade) -> None:
    result = run("call", "acme/weather", "fail", "{}")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Error: fail failed" in result.stderr
    assert run("call", "acme/weather", "fail", "--json").exit_code == 1


def test_a_server_that_dies_shows_its_exit_code_and_last_words(run: Run, platform: HandMade) -> None:
    platform.failure = ChildExited("the server ended", {"exitCode": 3, "stderr": ["no such module"]})

    result = run("call", "acme/weather", "look")

    assert result.exit_code == 1
    assert "exit code: 3" in result.stderr
    assert "no such module" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "no-owner"),
        ("call", "acme/weather", "look", "not json"),
        ("call", "acme/weather", "look", "[]"),
        ("url", "acme/weather", "--config", "/nowhere.json"),
        ("search", "x", "--limit", "0"),
        ("keys", "create", "x", "--role", "king"),
        ("keys", "create", "x", "--expires", "0d"),
        ("keys", "create", "x", "--expires", "soon"),
        ("add", "npm:x", "--env", "NOVALUE"),
        ("unknown",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(run: Run, platform: HandMade, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
    assert platform.asked == []


def test_the_command_starts_without_what_only_some_commands_need() -> None:
    heavy = {"mcp", "pydantic", "websockets", "boto3", "fastapi", "yaml", "uvicorn", "mooring_local"}
    loaded = "import sys, mooring_cli.__main__; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert heavy.isdisjoint(done.stdout.split())
