"""`mooring plan` and `mooring init` as they are typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mooring_cli.__main__ import mooring

FUNCTION = "(config) => ({ command: 'weather', args: [config.city], env: { A: 1 } })"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "default": "Oslo"}}}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "smithery.yaml"
    path.write_text(json.dumps({"startCommand": {"commandFunction": FUNCTION, "configSchema": SCHEMA}}))
    return str(path)


def test_the_plan_is_told_as_json(source: str) -> None:
    done = CliRunner().invoke(mooring, ["plan", source, "--config", '{"city": "Rome"}', "--json"])

    assert json.loads(done.stdout) == {
        "kind": "stdio",
        "launch": {"command": "weather", "args": ["Rome"], "env": {"A": "1"}},
        "configSchema": SCHEMA,
        "reason": None,
    }


def test_the_plan_is_told_to_people(source: str) -> None:
    done = CliRunner().invoke(mooring, ["plan", source])

    assert done.exit_code == 0
    assert "weather Oslo" in done.stdout


def test_a_source_that_is_none_is_told_with_what_to_do() -> None:
    done = CliRunner().invoke(mooring, ["plan", "nowhere"])

    assert done.exit_code == 1
    assert "Next:" in done.stderr


def test_init_writes_the_file_once_and_over_it_when_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.json").write_text('{"name": "x", "bin": "cli.js"}')

    assert CliRunner().invoke(mooring, ["init"]).exit_code == 0
    written = (tmp_path / "smithery.yaml").read_text()
    (tmp_path / "smithery.yaml").write_text("mine: true")
    assert CliRunner().invoke(mooring, ["init"]).exit_code == 1
    assert (tmp_path / "smithery.yaml").read_text() == "mine: true"
    assert CliRunner().invoke(mooring, ["init", "--force"]).exit_code == 0
    assert (tmp_path / "smithery.yaml").read_text() == written


def test_init_writes_nothing_where_nothing_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(mooring, ["init"]).exit_code == 1
    assert list(tmp_path.iterdir()) == []
