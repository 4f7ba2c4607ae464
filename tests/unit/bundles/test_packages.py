"""Bundles of packages made here (no network), and of public packages."""

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mooring.launch import resolve
from mooring.settings import inherited
from mooring_local.bundles import Bundle
from mooring_local.packages import BuildFailed
from mooring_local.runtimes import runtime_path
from tests.unit.bundles.building import build, names


def initialise(home: Path, bundle: Bundle) -> dict[str, Any]:
    """Start the bundle's server as a worker does and return its answer to `initialize`."""
    launch = resolve(bundle.package.launch, {}, str(bundle.path), str(home))
    about = {"name": "test", "version": "1"}
    parameters = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": about}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters}
    path = f"{runtime_path(home / 'runtimes')}:{inherited(('PATH',))['PATH']}"
    done = subprocess.run(
        launch.argv,
        env={"PATH": path, **launch.env},
        cwd=launch.cwd,
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return answer


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with two scripts, `clock` and `clock-admin`."""
    path = tmp_path / "clock-1.2-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: clock\nVersion: 1.2\nSummary: Tells the time\n"
    about += "Project-URL: Source, https://example.com/clock\n"
    scripts = "[console_scripts]\nclock = clock:main\nclock-admin = clock:main\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clock.py", "def main():\n    print('{}')\n")
        archive.writestr("clock-1.2.dist-info/METADATA", about)
        archive.writestr(
            "clock-1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("clock-1.2.dist-info/entry_points.txt", scripts)
        archive.writestr("clock-1.2.dist-info/RECORD", "")
    return path


def test_a_python_package_is_started_by_the_script_of_its_name(home: Path, wheel: Path) -> None:
    first = build(home, f"pypi:{wheel}", "--utc")
    second = build(home, f"pypi:{wheel}", "clock-admin", "list")

    assert first.package.launch["args"] == ["${bundle}/bin/clock", "--utc"]
    assert second.package.launch["args"] == ["${bundle}/bin/clock-admin", "list"]
    assert first.digest == second.digest
    assert first.package.address == "pypi:clock==1.2"
    assert first.package.description == "Tells the time"
    assert first.package.homepage == "https://example.com/clock"
    assert initialise(home, first) == {}


@pytest.fixture
def npm_package(tmp_path: Path) -> Path:
    """A package with two commands, neither named like it."""
    folder = tmp_path / "weather-js"
    folder.mkdir()
    manifest = {
        "name": "@acme/weather-js",
        "version": "3.1.0",
        "bin": {"serve": "./serve.js", "check": "check.sh"},
        "repository": {"type": "git", "url": "git+https://example.com/acme/weather.git"},
    }
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "serve.js").write_text("#!/usr/bin/env node\nconsole.log('{}')\n")
    (folder / "check.sh").write_text("#!/bin/sh\necho '{}'\n")
    return folder


def test_an_npm_package_is_started_by_the_command_that_is_named(home: Path, npm_package: Path) -> None:
    with pytest.raises(BuildFailed) as unnamed:
        build(home, f"npm:{npm_package}")
    bundle = build(home, f"npm:{npm_package}", "serve", "--fast")

    assert "check, serve" in unnamed.value.cause
    script = "${bundle}/node_modules/@acme/weather-js/serve.js"
    assert bundle.package.launch == {"command": "node", "args": [script, "--fast"]}
    assert bundle.package.address == "npm:@acme/weather-js@3.1.0"
    assert bundle.package.homepage == "https://example.com/acme/weather"
    assert initialise(home, bundle) == {}


def test_a_command_that_is_no_javascript_is_started_by_itself(home: Path, npm_package: Path) -> None:
    bundle = build(home, f"npm:{npm_package}", "check")

    assert bundle.package.launch["command"] == "${bundle}/node_modules/@acme/weather-js/check.sh"
    assert initialise(home, bundle) == {}


def test_a_package_fetches_no_browser_for_a_bundle_that_would_not_hold_it(
    home: Path, npm_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours. puppeteer and playwright fetch one when they are installed, unless these variables are there."""
    manifest = json.loads((npm_package / "package.json").read_text())
    said = "printf '%s %s' $PUPPETEER_SKIP_DOWNLOAD $PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD > told"
    (npm_package / "package.json").write_text(json.dumps({**manifest, "scripts": {"postinstall": said}}))
    monkeypatch.setenv("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "set-by-the-operator")

    bundle = build(home, f"npm:{npm_package}", "serve")

    told = (bundle.path / "node_modules/@acme/weather-js/told").read_text()
    assert told == "1 set-by-the-operator"


def test_a_packaged_node_is_installed_where_the_machine_has_none(
    home: Path, npm_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "env"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    monkeypatch.setenv("PATH", str(tools))

    bundle = build(home, f"npm:{npm_package}", "serve")

    assert runtime_path(home / "runtimes").endswith(f":{home}/runtimes/node/bin")
    assert initialise(home, bundle) == {}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("source", "server"),
    [
        ("pypi:mcp-server-time", "mcp-time"),
        ("npm:@modelcontextprotocol/server-memory", "memory-server"),
    ],
)
def test_a_public_server_starts_from_its_bundle(home: Path, source: str, server: str) -> None:
    bundle = build(home, source)

    assert initialise(home, bundle)["result"]["serverInfo"]["name"] == server
    assert bundle.package.version
    assert bundle.package.description
    assert bundle.package.homepage.startswith("https://")


@pytest.mark.parametrize(
    ("source", "next_step"),
    [
        ("npm:@modelcontextprotocol/no-such-server-at-all", "no such package"),
        ("npm:@modelcontextprotocol/server-memory@0.0.0-none", "no such version"),
        ("pypi:mcp-server-time==0.0.0", "no such version"),
        ("pypi:mcp server time", "Write it as"),
    ],
)
def test_an_installer_that_fails_says_why_and_what_to_do(home: Path, source: str, next_step: str) -> None:
    with pytest.raises(BuildFailed) as failed:
        build(home, source)

    assert next_step in failed.value.next_step
    assert failed.value.details
    assert names(home) == []
