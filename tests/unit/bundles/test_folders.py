"""Bundles of folders."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mooring import trees
from mooring_local.packages import BuildFailed
from tests.unit.bundles.building import build, names


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

    description = json.loads((bundle.path / trees.DESCRIPTION).read_text())
    assert description["source"] == str(source)
    assert description["launch"] == {"command": "python", "args": ["server.py"], "cwd": "${bundle}"}


def test_git_history_and_the_bundles_themselves_are_left_out(source: Path) -> None:
    (source / ".git").mkdir()
    home = source / ".mooring"
    build(home, source, "python", "server.py")
    bundle = build(home, source, "python", "server.py")

    assert {path.name for path in bundle.path.iterdir()} == {
        *("server.py", "lib", "run.sh", "current", trees.DESCRIPTION, "__pycache__")
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
    text = "startCommand: {type: http, url: 'https://example.com', configSchema: {type: object}}"
    (source / "smithery.yaml").write_text(text)

    with pytest.raises(BuildFailed):
        build(home, source)
    package = build(home, source, "python", "server.py").package

    assert package.launch["command"] == "python"
    assert package.config_schema == {"type": "object"}


def test_a_function_is_the_rule_of_the_release(home: Path, source: Path) -> None:
    function = "(config) => ({ command: 'python', args: ['server.py'] })"
    (source / "smithery.yaml").write_text(f'startCommand: {{type: stdio, commandFunction: "{function}"}}')

    assert build(home, source).package.launch == {"commandFunction": function, "cwd": "${bundle}"}


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
