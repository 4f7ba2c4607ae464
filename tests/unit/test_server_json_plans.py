"""What would be run of a server.json of the official registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from mooring_local import published, sources

PACKAGE: dict[str, Any] = {
    "registryType": "npm",
    "identifier": "@acme/weather",
    "version": "1.2.3",
    "transport": {"type": "stdio"},
    "packageArguments": [
        {"type": "positional", "value": "serve"},
        {"type": "named", "name": "--units", "default": "metric"},
        {
            "type": "named",
            "name": "--url",
            "value": "https://{host}/",
            "variables": {"host": {"default": "a.example"}},
        },
        {"type": "positional", "valueHint": "city"},
    ],
    "environmentVariables": [
        {"name": "KEY", "isRequired": True, "isSecret": True},
        {"name": "OPTIONAL"},
    ],
}


def plan(tmp_path: Path, config: dict[str, Any] | None = None, **fields: Any) -> Any:
    document = {"name": "io.github.acme/weather", "description": "Weather", "version": "1.0.0", **fields}
    (tmp_path / "server.json").write_text(json.dumps(document))
    return sources.plan(str(tmp_path / "server.json"), config)


def test_a_package_is_run_by_its_runner_with_its_arguments(tmp_path: Path) -> None:
    found = plan(tmp_path, {"KEY": "k"}, packages=[PACKAGE])

    assert found.kind == "stdio"
    assert found.launch == {
        "command": "npx",
        "args": ["-y", "@acme/weather@1.2.3", "serve", "--units", "metric", "--url", "https://a.example/"],
        "env": {"KEY": "k"},
    }
    assert found.config_schema["required"] == ["KEY"]


def test_a_python_package_is_run_by_uvx(tmp_path: Path) -> None:
    package = {
        "registryType": "pypi",
        "identifier": "weather",
        "version": "1.0",
        "transport": {"type": "stdio"},
    }

    assert plan(tmp_path, packages=[package]).launch == {
        "command": "uvx",
        "args": ["weather==1.0"],
        "env": {},
    }


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"remotes": [{"type": "streamable-http", "url": "https://a.example/mcp"}]}, "http"),
        ({"packages": [{**PACKAGE, "registryType": "oci"}]}, "container-http"),
        ({"packages": [{**PACKAGE, "registryType": "nuget"}]}, "invalid"),
        ({}, "invalid"),
        ({"name": "no slash"}, "invalid"),
    ],
)
def test_what_cannot_be_run_here_is_named(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    found = plan(tmp_path, **fields)

    assert (found.kind, found.launch) == (kind, None)
    assert found.reason


def test_a_folder_with_nothing_but_a_server_json_is_planned_by_it(tmp_path: Path) -> None:
    plan(tmp_path, packages=[PACKAGE])

    assert sources.plan(str(tmp_path)).kind == "stdio"


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_server_json_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)

    assert sources.plan(str(tmp_path / "server.json")).kind == "invalid"


def test_npm_s_answer_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"name": "@acme/weather", "version": "1.2.3", "bin": {"weather": "./cli.js"}}
    monkeypatch.setattr(published, "_output", lambda *_: json.dumps(answer))
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")

    assert published.npm("@acme/weather").launch == {
        "command": "node",
        "args": ["${bundle}/node_modules/@acme/weather/cli.js"],
        "env": {},
    }
