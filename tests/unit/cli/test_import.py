import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mooring.errors import Forbidden, LimitReached
from mooring_cli import import_run
from tests import other_registry
from tests.other_registry import OtherRegistry
from tests.unit.cli.hand_made import HandMade

SAVED = Path(__file__).parents[2] / "data" / "official_registry.json"

_NO_NAME = "qualifiedName must be owner/name, each of letters, digits, '.', '_' and '-', at most 100 long"

Run = Callable[..., Result]


@pytest.fixture
def there() -> Iterator[OtherRegistry]:
    with other_registry.running() as registry:
        yield registry


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "_PAUSES_SECONDS", (0.0, 0.0, 0.0))


def lines(folder: Path, *documents: Any) -> Path:
    file = folder / "servers.jsonl"
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in documents))
    return file


def line(name: str, **members: Any) -> dict[str, Any]:
    return {"qualifiedName": name, "description": "Something.", **members}


def test_the_lines_of_a_file_become_servers(run: Run, platform: HandMade, tmp_path: Path) -> None:
    result = run("import", str(lines(tmp_path, line("acme/one"), line("@acme/two", hosted=True))))
    assert result.exit_code == 0, result.output
    assert result.stdout == "2 created\n"
    assert platform.servers.keys() == {"acme/one", "acme/two"}
    assert platform.servers["acme/two"]["hosted"] is True
    assert platform.servers["acme/two"]["source"] == {"registry": "servers.jsonl", "name": "acme/two"}


def test_bad_lines_are_told_by_their_numbers_and_the_exit_code_and_the_rest_goes_on(
    run: Run, platform: HandMade, tmp_path: Path
) -> None:
    file = lines(
        tmp_path, line("acme/one"), "{", line("nobody"), line("acme/mute", description=""), line("acme/two")
    )
    result = run("import", str(file))
    assert result.exit_code == 1
    assert result.stdout == "2 created, 3 invalid\n"
    assert result.stderr.splitlines() == [
        "line 2: not JSON; a line is one JSON object",
        f"line 3: {_NO_NAME}",
        "line 4: acme/mute: description is empty",
    ]


def test_json_has_the_counts_and_the_reasons(run: Run, platform: HandMade, tmp_path: Path) -> None:
    result = run("import", str(lines(tmp_path, line("acme/one"), "{")), "--json")
    assert json.loads(result.stdout) == {
        "counts": {"created": 1, "invalid": 1},
        "invalid": [{"entry": "line 2", "reason": "not JSON; a line is one JSON object"}],
        "kept": [],
    }


def test_a_source_can_be_named(run: Run, platform: HandMade, tmp_path: Path) -> None:
    run("import", str(lines(tmp_path, line("acme/one"))), "--source", "a catalogue")
    assert platform.servers["acme/one"]["source"]["registry"] == "a catalogue"


def test_a_saved_answer_of_a_registry_is_imported(run: Run, platform: HandMade) -> None:
    result = run("import", "--from", str(SAVED))
    assert {"com.example/ledger", "acme/tides", "acme/winds"} <= platform.servers.keys()
    assert platform.servers["acme/tides"]["source"]["registry"] == "official_registry.json"
    assert "3 created" in result.stdout


@pytest.mark.parametrize("content", ["{", "[]", '{"servers": {}}'])
def test_a_file_that_is_no_answer_is_told(run: Run, platform: HandMade, tmp_path: Path, content: str) -> None:
    file = tmp_path / "answer.json"
    file.write_text(content)
    result = run("import", "--from", str(file))
    assert result.exit_code == 1
    assert "Next: Save an answer of GET /v0.1/servers" in result.stderr


def test_a_registry_is_imported_page_by_page(run: Run, platform: HandMade, there: OtherRegistry) -> None:
    for number in range(7):
        there.publish(f"io.github.acme/s{number}")
    result = run("import", "--from", there.url)
    assert result.exit_code == 0, result.output
    assert result.stdout == "7 created\n"
    assert [query.get("cursor") for query in there.asked] == [None, "io.github.acme/s2", "io.github.acme/s5"]
    assert platform.servers["acme/s6"]["source"]["name"] == "io.github.acme/s6"


def test_the_next_import_asks_only_for_what_has_changed_unless_all_is_wanted(
    run: Run, platform: HandMade, there: OtherRegistry
) -> None:
    there.publish("io.github.acme/one")
    run("import", "--from", there.url)
    result = run("import", "--from", f"{there.url}/v0.1/servers")
    assert result.stdout == "Nothing has changed\n"
    assert "updated_since" in there.asked[-1]
    assert run("import", "--from", there.url, "--full").stdout == "1 updated\n"
    assert "updated_since" not in there.asked[-1]


def test_an_import_that_failed_goes_on_with_the_page_that_was_next(
    run: Run, platform: HandMade, there: OtherRegistry
) -> None:
    for number in range(8):
        there.publish(f"com.example/s{number}")
    there.refusals = [0, 400]
    assert run("import", "--from", there.url).exit_code == 1
    assert len(platform.servers) == 3
    assert run("import", "--from", there.url).stdout == "5 created\n"
    assert [query.get("cursor") for query in there.asked] == [
        None,
        *["com.example/s2"] * 2,
        "com.example/s5",
    ]


def test_a_registry_that_cannot_answer_for_a_moment_is_asked_again(
    run: Run, platform: HandMade, there: OtherRegistry
) -> None:
    there.publish("com.example/one")
    there.refusals = [503, 429, 500]
    assert run("import", "--from", there.url).exit_code == 0


@pytest.mark.parametrize("refusals", [[503] * 4, [400]])
def test_a_registry_that_does_not_answer_is_told_with_its_address(
    run: Run, platform: HandMade, there: OtherRegistry, refusals: list[int]
) -> None:
    there.refusals = refusals
    result = run("import", "--from", there.url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {there.url} cannot be read: {there.url}")
    assert "goes on there" in result.stderr
    assert there.refusals == []


def test_a_registry_that_is_not_there_is_told(run: Run, platform: HandMade) -> None:
    result = run("import", "--from", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "http://127.0.0.1:1 cannot be read" in result.stderr


def test_a_mooring_that_is_busy_is_asked_again_and_one_that_refuses_is_not(
    run: Run, platform: HandMade, tmp_path: Path
) -> None:
    file = str(lines(tmp_path, line("acme/one")))
    platform.failure = LimitReached("slowly")
    assert run("import", file).exit_code == 1
    assert platform.asked.count(("POST", "/servers/batch")) == 4
    platform.failure = Forbidden("no")
    assert run("import", file).exit_code == 1
    assert platform.asked.count(("POST", "/servers/batch")) == 5


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (str(SAVED), "--from", "https://registry.test"),
        (str(SAVED), "--every", "1h"),
        ("--from", str(SAVED), "--every", "1h"),
        ("--from", "https://registry.test", "--every", "often"),
        ("--from", "https://registry.test", "--every", "0s"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    run: Run, platform: HandMade, arguments: tuple[str, ...]
) -> None:
    assert run("import", *arguments).exit_code == 2
