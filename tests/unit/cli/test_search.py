import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from mooring_cli.__main__ import mooring as command
from tests.unit.cli.hand_made import HandMade, entry

Run = Callable[..., Result]


@pytest.fixture
def found(platform: HandMade) -> HandMade:
    about = {"description": "Tells the Weather: weathering is not it", "matched": ["weather", "c++"]}
    platform.servers["acme/weather"] = entry("acme/weather", about)
    platform.servers["acme/tides"] = entry("acme/tides", {"isDeployed": False, "description": "Tides"})
    return platform


def test_servers_are_a_table_with_a_badge_and_a_count(run: Run, found: HandMade) -> None:
    result = run("search", "weather", "is:deployed")
    assert result.stdout.splitlines() == [
        "SERVER                  DESCRIPTION",
        "acme/weather  deployed  Tells the Weather: weathering is not it",
        "acme/tides              Tides",
    ]
    assert result.stderr.splitlines() == [
        "2 of 4 servers",
        "lang:python is no filter, and was left out",
    ]


def test_whole_words_that_were_found_are_bold_in_a_terminal_and_nowhere_else(
    run: Run, found: HandMade
) -> None:
    in_a_terminal = CliRunner().invoke(command, ["search", "weather"], color=True)
    line = in_a_terminal.stdout.splitlines()[1]
    assert "acme/\x1b[1mweather\x1b[0m" in line
    assert "Tells the \x1b[1mWeather\x1b[0m: weathering" in line
    assert "\x1b" not in run("search", "weather").stdout


def test_tools_are_found_with_their_servers(run: Run, found: HandMade) -> None:
    result = run("search", "--tools", "look")
    assert result.stdout.splitlines()[:2] == [
        "TOOL  SERVER        DESCRIPTION",
        "look  acme/weather  Look around.",
    ]
    assert result.stderr == "2 tools\n"


def test_a_program_gets_the_answer_as_it_came(run: Run, found: HandMade) -> None:
    answer = json.loads(run("search", "rain", "--json").stdout)
    assert answer["pagination"]["totalCount"] == 4
    assert answer["servers"][0]["matched"] == ["weather", "c++"]


def test_nothing_found_is_no_error(run: Run, platform: HandMade) -> None:
    result = run("search", "--tools", "look")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "0 tools\n")


def test_a_description_cannot_write_to_the_terminal(run: Run, platform: HandMade) -> None:
    platform.servers["acme/evil"] = entry("acme/evil", {"description": "a\x1b[2Jb\x07"})
    assert CliRunner().invoke(command, ["search", "x"], color=True).stdout.splitlines()[1].endswith("a[2Jb")
