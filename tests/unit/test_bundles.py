"""Bundles of folders, of packages made here (no network), and of public packages."""

import json
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mooring.launch import resolve
from mooring.settings import inherited
from mooring_local import bundles, trees
from mooring_local.bundles import Bundle
from mooring_local.packages import BuildFailed
from mooring_local.runtimes import runtime_path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    trees.remove(folder)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "weather"
    (folder / "lib").mkdir(parents=True)
    (folder / "server.py").write_text("import lib.answers\n")
    (folder / "lib" / "answers.py").write_text("WEATHER = 'fine'\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "current").symlink_to("lib")
    return folder


def build(home: Path, source: str | Path, *command: str) -> Bundle:
    return bundles.build(str(source), home / "bundles", home / "runtimes", lambda line: None, command)


def names(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "bundles").iterdir())


def initialise(home: Path, bundle: Bundle) -> dict[str, Any]:
    """Start the bundle's server as a worker does and return its answer to `initialize`."""
    launch = resolve(bundle.package.launch, {}, str(bundle.path))
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


def test_two_builds_of_the_same_folder_are_one_bundle(home: Path, source: Path) -> None:
    first = build(home, source, "python", "server.py")
    (source / "server.py").touch()
    (source / "lib" / "__pycache__").mkdir()
    (source / "lib" / "__pycache__" / "answers.pyc").write_bytes(b"stale")
    second = build(home, source, "python", "server.py")

    assert first == second
    assert names(home) == [first.digest]
    assert first.path == home / "bundles" / first.digest


@pytest.mark.parametrize("change", ["content", "name", "mode", "link"])
def test_every_change_of_the_content_is_another_bundle(home: Path, source: Path, change: str) -> None:
    first = build(home, source, "python", "server.py")
    match change:
        case "content":
            (source / "server.py").write_text("import lib.answers \n")
        case "name":
            (source / "server.py").rename(source / "server2.py")
        case "mode":
            (source / "server.py").chmod(0o755)
        case "link":
            (source / "current").unlink()
            (source / "current").symlink_to("lib/../lib")

    assert build(home, source, "python", "server.py").digest != first.digest


def test_nothing_in_a_bundle_can_be_written_to(home: Path, source: Path) -> None:
    bundle = build(home, source, "python", "server.py")

    paths = [bundle.path, *(path for path in bundle.path.rglob("*") if not path.is_symlink())]
    assert all(stat.S_IMODE(path.stat().st_mode) in (0o444, 0o555) for path in paths)
    assert (bundle.path / "run.sh").stat().st_mode & stat.S_IXUSR


def test_python_is_compiled_for_any_place_and_time(home: Path, source: Path) -> None:
    """Flags 1 in a .pyc: valid by the hash of its source, which is not checked again (PEP 552)."""
    bundle = build(home, source, "python", "server.py")

    compiled = list((bundle.path / "lib" / "__pycache__").glob("answers.*.pyc"))
    assert [path.read_bytes()[4:8] for path in compiled] == [b"\x01\0\0\0"]


def test_a_bundle_says_how_it_came_about(home: Path, source: Path) -> None:
    bundle = build(home, source, "python", "server.py")

    description = json.loads((bundle.path / bundles.DESCRIPTION).read_text())
    assert description["source"] == str(source)
    assert description["launch"] == {"command": "python", "args": ["server.py"], "cwd": "${bundle}"}


def test_git_history_and_the_bundles_themselves_are_left_out(source: Path) -> None:
    (source / ".git").mkdir()
    home = source / ".mooring"
    build(home, source, "python", "server.py")
    bundle = build(home, source, "python", "server.py")

    assert {path.name for path in bundle.path.iterdir()} == {
        *("server.py", "lib", "run.sh", "current", bundles.DESCRIPTION, "__pycache__")
    }
    trees.remove(home)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret"])
def test_a_link_that_leads_out_of_the_folder_is_refused(home: Path, source: Path, target: str) -> None:
    (source / "lib" / "way-out").symlink_to(Path("..", target) if target.startswith(".") else target)

    with pytest.raises(BuildFailed):
        build(home, source, "python", "server.py")
    assert names(home) == []


def test_a_folder_over_the_size_limit_is_refused(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mooring_local.folders.MAX_FOLDER_BYTES", 10)

    with pytest.raises(BuildFailed):
        build(home, source, "python", "server.py")


def test_a_pipe_in_the_folder_is_refused(home: Path, source: Path) -> None:
    os.mkfifo(source / "pipe")

    with pytest.raises(BuildFailed):
        build(home, source, "python", "server.py")


def test_smithery_yaml_says_how_a_folder_is_started_and_configured(home: Path, source: Path) -> None:
    (source / "smithery.yaml").write_text(
        "startCommand:\n"
        "  type: stdio\n"
        "  command: python\n"
        "  args: [server.py]\n"
        "  configSchema: {type: object}\n"
        "  exampleConfig: {city: Oslo}\n"
    )

    package = build(home, source).package

    assert package.launch == {"command": "python", "args": ["server.py"], "cwd": "${bundle}"}
    assert package.config_schema == {"type": "object"}
    assert package.example_config == {"city": "Oslo"}


def test_a_command_takes_the_place_of_one_that_cannot_be_run(home: Path, source: Path) -> None:
    text = "startCommand: {type: stdio, commandFunction: 'c => ({})', configSchema: {type: object}}"
    (source / "smithery.yaml").write_text(text)

    with pytest.raises(BuildFailed):
        build(home, source)
    package = build(home, source, "python", "server.py").package

    assert package.launch["command"] == "python"
    assert package.config_schema == {"type": "object"}


def test_a_broken_smithery_yaml_is_only_in_the_way_of_who_needs_it(home: Path, source: Path) -> None:
    (source / "smithery.yaml").write_text("<%- if (x) { %>\na: b: c")

    with pytest.raises(BuildFailed):
        build(home, source)
    assert build(home, source, "python", "server.py").package.launch["command"] == "python"


@pytest.mark.parametrize("missing", ["nowhere", "npm", "git+ssh://host/path"])
def test_a_source_that_is_nothing_we_know_is_refused(home: Path, missing: str) -> None:
    with pytest.raises(BuildFailed):
        build(home, missing)


BUILD_AND_WAIT = """
import sys
from pathlib import Path
from mooring_local import bundles

def wait(line):
    print(line, flush=True)
    sys.stdin.read()

home = Path(sys.argv[1])
bundles.build(sys.argv[2], home / "bundles", home / "runtimes", wait, ("python", "server.py"))
"""


def test_a_killed_build_leaves_nothing_and_a_running_one_is_let_alone(home: Path, source: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILD_AND_WAIT, str(home), str(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        other.stdout.readline()
        bundle = build(home, source, "python", "server.py")
        assert len(names(home)) == 2

        other.send_signal(signal.SIGKILL)
        other.wait(5)
        build(home, source, "python", "server.py")

    assert names(home) == [bundle.digest]


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
