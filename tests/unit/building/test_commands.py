"""Programs of a build: their lines, their end, and how a failure of theirs is told."""

import os
import sys
import time
from pathlib import Path

import pytest

from mooring_local import commands, npm
from mooring_local.building import node_build
from mooring_local.packages import BuildFailed

PROGRAM = commands.Program("tool", "ERR", ((("no net",), "check the network"), (("x",), "never")))


def run(code: str, lines: list[str]) -> list[str]:
    return commands.run(PROGRAM, "do it", [sys.executable, "-c", code], progress=lines.append)


def test_each_line_is_told_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_LINES", 3)
    monkeypatch.setattr(commands, "MAX_LINE", 5)
    lines: list[str] = []

    last = run("print('a\\x1b[1mbcdefgh\\rsecond'); print(*range(9), sep='\\n'); print('end', end='')", lines)

    assert lines == ["a[1mb", "secon", "0"]
    assert last[-2:] == ["8", "end"]


def test_a_failure_carries_the_last_lines_that_are_marked_and_a_next_step() -> None:
    with pytest.raises(commands.CommandFailed) as failed:
        run("print('noise\\nERR no net\\nERR second\\nmore noise'); raise SystemExit(3)", [])

    assert failed.value.cause == "tool could not do it"
    assert failed.value.next_step == "check the network"
    assert failed.value.details == ("no net", "second")


WAITS_IN_A_CHILD = """\
import pathlib, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("waiting", flush=True)
"""


def waiting(place: Path, more: str) -> list[str]:
    return [sys.executable, "-c", WAITS_IN_A_CHILD + more, str(place)]


def ends(pid: str) -> bool:
    """Wait until the process is gone, or has been killed."""
    status, deadline = Path("/proc") / pid / "stat", time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if status.read_text().split()[2] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_what_runs_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed) as failed:
        commands.run(PROGRAM, "do it", waiting(tmp_path / "pid", "signal.pause()"), seconds=2)

    assert failed.value.details == ("waiting",)
    assert ends((tmp_path / "pid").read_text())


def test_what_a_program_leaves_running_does_not_hold_the_build(tmp_path: Path) -> None:
    assert commands.run(PROGRAM, "do it", waiting(tmp_path / "pid", ""), seconds=60) == ["waiting"]
    assert ends((tmp_path / "pid").read_text())


def test_a_program_that_is_not_here_is_named() -> None:
    with pytest.raises(BuildFailed) as failed:
        commands.run(PROGRAM, "do it", [os.devnull + "/none"])

    assert "Install tool" in failed.value.next_step


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("npm error code EAI_AGAIN", "network"),
        ("npm error code E404", "no such package"),
        ("npm error code ERESOLVE", "contradict"),
        ("npm error gyp ERR! not ok", "native code"),
        ("src/a.ts(1,1): error TS2304: Cannot find name", "TypeScript"),
        ("sh: 1: tsc: not found", "devDependencies"),
        ("Error: Cannot find module 'x'", "module that is missing"),
    ],
)
def test_what_builds_fail_of_has_a_next_step(line: str, step: str) -> None:
    program = commands.Program("npm", "npm error", node_build.SCRIPT_HINTS)

    assert step in commands.failure(program, "build", [line]).next_step
    assert commands.failure(npm.NPM, "build", ["?"]).next_step.startswith("Run npm by hand")
