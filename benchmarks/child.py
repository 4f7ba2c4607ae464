"""The stdio server that every target starts."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workspace import WORKSPACE

SOURCES = Path(__file__).with_name("children")


@dataclass(frozen=True)
class Child:
    argv: list[str]
    """With absolute paths, for nobody's PATH is to matter."""
    language: str

    @property
    def marker(self) -> str:
        """What its command line contains and no other does."""
        return self.argv[-1]


def build() -> Child:
    """Return the echo server in C, compiled now, or in Python where there is no compiler."""
    compiler = shutil.which("cc")
    program = WORKSPACE / "bench-echo"
    if compiler:
        built = subprocess.run(
            [compiler, "-O2", "-o", str(program), str(SOURCES / "echo.c")], check=False, timeout=60
        )
        if built.returncode == 0:
            return Child([str(program)], "C")
    return Child([sys.executable, "-S", "-E", str(SOURCES / "echo.py")], "Python")
