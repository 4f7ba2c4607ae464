"""Fill a virtual environment from a lock file: `python environment.py <folder> <lock> [--project <folder>]`.

`make` runs it before anything is installed, so it uses the standard library only. What is right stays:
a second run with the same lock changes nothing. pip is the only installer, so that whatever index, mirror
or proxy the machine is set up for is the one used.
"""

import argparse
import re
import subprocess
import sys
import time
import venv
from collections import deque
from pathlib import Path

_PINNED = re.compile(r"^[A-Za-z0-9][\w.-]*(\[[^]]*\])?==")
_COLLECTING = re.compile(r"^(?:Collecting|Requirement already satisfied:) (\S+)")
_LAST_LINES = 15


class SetupFailed(Exception):
    """pip gave up; the text is the end of what it said."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fill a virtual environment from a lock file.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--project", type=Path, help="a project to install editable, after the lock")
    options = parser.parse_args(arguments)
    version = ".".join(str(part) for part in sys.version_info[:3])
    print(f"Setting up {options.folder} from {options.lock} with Python {version}", flush=True)
    started = time.monotonic()
    try:
        fill(options.folder, options.lock, options.project)
    except SetupFailed as error:
        print(
            f"{error}\n\nCould not install {options.lock} into {options.folder}; pip's last words are above. "
            "If the network failed, run the same command again.",
            file=sys.stderr,
        )
        return 1
    print(f"{options.folder} is ready after {time.monotonic() - started:.0f} s", flush=True)
    return 0


def fill(folder: Path, lock: Path, project: Path | None) -> None:
    """Make `folder` an environment that holds what `lock` pins, and `project` itself.

    Raises:
        SetupFailed: pip did.
    """
    python = folder / "bin" / "python"
    if not has_pip(python):
        venv.create(folder, clear=True, with_pip=True)
    # A lock is complete, so nothing is left to resolve: pip before 24 cannot resolve extras under hashes.
    install(python, ["--require-hashes", "--no-deps", "-r", str(lock)], count_pinned(lock))
    subprocess.run([python, "-m", "compileall", "-qq", "-j", "0", folder], check=False)
    if project is not None:
        install(python, ["--no-deps", "--no-build-isolation", "--editable", str(project)], 0)


def has_pip(python: Path) -> bool:
    """Return whether `python` runs and has pip: not so after an interrupted set-up or a removed Python."""
    try:
        return (
            subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


def count_pinned(lock: Path) -> int:
    """Return how many packages `lock` names, those for other platforms included."""
    return sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if _PINNED.match(line))


def install(python: Path, arguments: list[str], expected: int) -> None:
    """Run `pip install` and show how far it is.

    Raises:
        SetupFailed: pip did.
    """
    # Compiled afterwards, on every core.
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-compile",
    ]
    last_lines: deque[str] = deque(maxlen=_LAST_LINES)
    seen = 0
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last_lines.append(line)
            if found := _COLLECTING.match(line):
                seen += 1
                show(f"{seen}/{expected} {found[1]}" if expected else found[1])
            elif line.startswith("Installing collected packages"):
                show("unpacking")
    show("")
    if pip.returncode:
        raise SetupFailed("".join(last_lines).rstrip())


def show(progress: str) -> None:
    """Replace the line of progress on a terminal; elsewhere say nothing."""
    if sys.stdout.isatty():
        print(f"\r\033[K{progress and '  ' + progress}", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
